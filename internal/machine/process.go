package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of times in /proc, the same on every Linux.
const ticksPerSecond = 100

// Process is what a process and its children have used so far.
type Process struct {
	// CPU is processor time.
	CPU time.Duration
	// MemoryBytes is resident, PeakBytes the most that the first process had.
	MemoryBytes, PeakBytes int64
	// WrittenBytes were given to the disk, as the kernel counts: a page, or with
	// some file systems the whole folio of many pages that one lies in, each time
	// that it becomes dirty again. What reaches the disk is told by [Disk].
	WrittenBytes int64
	// ReadBytes were read, from files and connections, wherever they were kept.
	ReadBytes int64
	// Switches are context switches of the threads that live.
	Switches int64
}

// Used looks at a process and all that descend from it. Memory that several of
// them share counts once. Memory is read last, because that takes long.
func Used(pid int) Process {
	all := tree(pid)
	sum := spent(all)
	for _, p := range all {
		if len(all) > 1 {
			sum.MemoryBytes += kib(filepath.Join(processDir(p.pid), "smaps_rollup"), "Pss")
		} else {
			sum.MemoryBytes += kib(filepath.Join(processDir(p.pid), "status"), "VmRSS")
		}
	}
	sum.PeakBytes = kib(filepath.Join(processDir(pid), "status"), "VmHWM")
	return sum
}

// Spent is [Used] without memory, for the beginning of a window: the processor
// time is read last, as it is the one that goes on while others are read.
func Spent(pid int) Process {
	all := tree(pid)
	sum := spent(all)
	for _, p := range all {
		if now, ok := statOf(p.pid); ok {
			sum.CPU += now.cpu - p.cpu
		}
	}
	return sum
}

// spent reads what only grows. The processor's time is read already.
func spent(all []stat) (sum Process) {
	for _, p := range all {
		dir := processDir(p.pid)
		sum.CPU += p.cpu
		sum.WrittenBytes += number(field(filepath.Join(dir, "io"), "write_bytes"))
		sum.ReadBytes += number(field(filepath.Join(dir, "io"), "rchar"))
		sum.Switches += switches(dir)
	}
	return sum
}

func processDir(pid int) string { return filepath.Join("/proc", strconv.Itoa(pid)) }

// Self looks at this process alone, without its children.
func Self() Process {
	s, _ := statOf(os.Getpid()) // zero where there is no /proc
	dir := "/proc/self"
	return Process{
		CPU:          s.own,
		WrittenBytes: number(field(dir+"/io", "write_bytes")),
		ReadBytes:    number(field(dir+"/io", "rchar")),
		Switches:     switches(dir),
		MemoryBytes:  kib(dir+"/status", "VmRSS"), PeakBytes: kib(dir+"/status", "VmHWM"),
	}
}

func kib(path, name string) int64 {
	text, _, _ := strings.Cut(field(path, name), " ")
	return number(text) << 10
}

// switches are those of all threads of a process.
func switches(dir string) int64 {
	tasks, err := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	if err != nil {
		return 0
	}
	var sum int64
	for _, path := range tasks {
		sum += number(field(path, "voluntary_ctxt_switches")) + number(field(path, "nonvoluntary_ctxt_switches"))
	}
	return sum
}

// stat is a line of /proc/PID/stat.
type stat struct {
	pid, parent int
	own         time.Duration
	cpu         time.Duration // own, and that of children that have ended
}

// tree are a process and its living descendants.
func tree(pid int) []stat {
	root, ok := statOf(pid)
	if !ok {
		return nil
	}
	children := map[int][]stat{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if n, err := strconv.Atoi(entry.Name()); err == nil {
			if s, ok := statOf(n); ok {
				children[s.parent] = append(children[s.parent], s)
			}
		}
	}
	out := []stat{root}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].pid]...)
	}
	return out
}

func statOf(pid int) (stat, bool) {
	text := line(fmt.Sprintf("/proc/%d/stat", pid))
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	if len(fields) < 15 {
		return stat{}, false
	}
	ticks := func(a, b int) time.Duration {
		return time.Duration(number(fields[a])+number(fields[b])) * time.Second / ticksPerSecond
	}
	own := ticks(11, 12)
	if len(fields) > 17 && fields[17] == "1" {
		own = max(own, exactly(pid)) // of hundreds of processes the ticks cut off add up
	}
	return stat{pid: pid, parent: int(number(fields[1])), own: own, cpu: own + ticks(13, 14)}, true
}

// exactly is the processor time of a process with a single thread, in the
// kernel's own unit; 0: it does not tell.
func exactly(pid int) time.Duration {
	first, _, _ := strings.Cut(line(filepath.Join(processDir(pid), "schedstat")), " ")
	return time.Duration(number(first))
}
