package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts are what a reader of figures wants to know about the machine.
type Facts struct {
	// OS and Arch are as Go names them, Kernel as the system does.
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel,omitempty"`
	// CPU is the processor, Cores how many of its threads are there.
	CPU   string `json:"cpu,omitempty"`
	Cores int    `json:"cores"`
	// MemoryBytes is what the machine has.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// Go is the version of the measuring program.
	Go string `json:"go"`
	// Load is the load average of the last minute before the measurement.
	Load float64 `json:"load_before"`
}

// Look asks the machine.
func Look() Facts {
	f := Facts{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(),
		Kernel: line("/proc/sys/kernel/osrelease"),
		CPU:    field("/proc/cpuinfo", "model name"),
	}
	if kib, _, ok := strings.Cut(field("/proc/meminfo", "MemTotal"), " "); ok {
		f.MemoryBytes = number(kib) << 10
	}
	if load, _, ok := strings.Cut(line("/proc/loadavg"), " "); ok {
		f.Load, _ = strconv.ParseFloat(load, 64) // 0 when it says something else
	}
	return f
}

// line is the first line of a file; empty when there is none.
func line(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(first)
}

// field is the value of the first line "name: value" of a file.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// number is a whole number; 0 when it is something else.
func number(text string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64) // 0 then
	return n
}

// probeSyncs is how many syncs are measured, after a few that are not.
const probeSyncs = 200

// SyncLatency is the median and the 99th percentile of small writes that are
// each synced, to a file that has its size already, as a log that is written
// anew has.
func SyncLatency(dir string) (median, p99 time.Duration, err error) {
	file, err := os.Create(filepath.Join(dir, "sync-probe"))
	if err != nil {
		return 0, 0, fmt.Errorf("measure syncs: %w", err)
	}
	defer func() {
		_ = file.Close() // nobody wants what is in it
		_ = os.Remove(file.Name())
	}()
	if _, err := file.Write(make([]byte, 1<<20)); err != nil {
		return 0, 0, fmt.Errorf("measure syncs: %w", err)
	}
	if err := file.Sync(); err != nil {
		return 0, 0, fmt.Errorf("measure syncs: %w", err)
	}
	var times []time.Duration
	for i := range probeSyncs + 20 {
		began := time.Now()
		if _, err := file.WriteAt(make([]byte, 512), int64(i)*512); err != nil {
			return 0, 0, fmt.Errorf("measure syncs: %w", err)
		}
		if err := syncData(file); err != nil {
			return 0, 0, fmt.Errorf("measure syncs: %w", err)
		}
		if i >= 20 {
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100], nil
}
