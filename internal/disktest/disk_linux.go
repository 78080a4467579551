package disktest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Of the kernel's FS_IOC_SHUTDOWN: the request, and to leave the journal as it
// is on the disk.
const (
	shutDown       = 0x8004587d
	withoutJournal = 2
)

// Disk is a file system mounted for one test, which uses it from one goroutine.
type Disk struct {
	// Dir is where it is mounted.
	Dir string

	kind    Kind
	mib     int
	image   string // the file it lies in; none in memory
	mounted bool
}

// Missing tells what keeps this machine from giving a file system of a kind, by
// trying; nothing: "".
func Missing(t testing.TB, k Kind) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return fmt.Sprintf("mounting %s needs the superuser", k)
	}
	d := disk(t.TempDir(), k, k.smallest())
	err := d.make()
	if err == nil && k != Tmpfs {
		err = d.CutPower()
	}
	if err = errors.Join(err, d.Remove()); err != nil {
		return fmt.Sprintf("no %s here: %v", k, err)
	}
	return ""
}

// New makes an empty file system of so many MiB and mounts it. It is gone when
// the test ends.
func New(t testing.TB, k Kind, mib int) *Disk {
	t.Helper()
	d := disk(t.TempDir(), k, mib)
	t.Cleanup(func() {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err := d.make(); err != nil {
		t.Fatal(err)
	}
	return d
}

func disk(dir string, k Kind, mib int) *Disk {
	d := &Disk{Dir: filepath.Join(dir, "mounted"), kind: k, mib: mib}
	if k != Tmpfs {
		d.image = filepath.Join(dir, "image")
	}
	return d
}

func (d *Disk) make() error {
	if err := os.Mkdir(d.Dir, 0o750); err != nil {
		return err
	}
	if d.image != "" {
		if err := d.format(); err != nil {
			return err
		}
	}
	return d.Mount()
}

func (d *Disk) format() error {
	image, err := os.Create(d.image)
	if err != nil {
		return err
	}
	// Sparse: it takes what is written to it.
	if err := errors.Join(image.Truncate(int64(d.mib)<<20), image.Close()); err != nil {
		return err
	}
	args := []string{"-q"}
	if d.kind == Ext4 {
		args = append(args, "-m", "0") // keeps nothing for the superuser
	}
	return run("mkfs."+string(d.kind), append(args, d.image)...)
}

// Mount mounts it again.
func (d *Disk) Mount() error {
	args := []string{"-t", string(d.kind), "-o", "loop", d.image, d.Dir}
	if d.image == "" {
		args = []string{"-t", string(d.kind), "-o", fmt.Sprintf("size=%dm", d.mib), string(d.kind), d.Dir}
	}
	if err := run("mount", args...); err != nil {
		return err
	}
	d.mounted = true
	return nil
}

// Unmount unmounts it, which also detaches its loop device. Nobody may use it
// any more. It is safe to repeat.
func (d *Disk) Unmount() error {
	if !d.mounted {
		return nil
	}
	if err := unix.Unmount(d.Dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", d.Dir, err)
	}
	d.mounted = false
	return nil
}

// CutPower makes the file system write nothing from now on: what was not synced
// is lost. Only unmounting is possible after it.
func (d *Disk) CutPower() error {
	if d.image == "" {
		return errNoPower
	}
	dir, err := os.Open(d.Dir)
	if err != nil {
		return err
	}
	err = unix.IoctlSetPointerInt(int(dir.Fd()), shutDown, withoutJournal)
	if err != nil {
		err = fmt.Errorf("cut the power of %s: %w", d.kind, err)
	}
	return errors.Join(err, dir.Close())
}

// Free is how many bytes a process may still write.
func (d *Disk) Free() (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(d.Dir, &s); err != nil {
		return 0, fmt.Errorf("look for free space at %s: %w", d.Dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// Take takes so many bytes away with a file of a name, which gives them back
// when it is removed.
func (d *Disk) Take(name string, bytes uint64) error {
	f, err := os.Create(filepath.Join(d.Dir, name))
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, int64(bytes))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("take %d bytes of %s: %w", bytes, d.Dir, err)
	}
	return nil
}

// Fill takes all that is left with a file of a name, to the last block; called
// again, what has become free since.
func (d *Disk) Fill(name string) error {
	f, err := os.OpenFile(filepath.Join(d.Dir, name), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	// Large pieces first, each where the last one ended, and larger ones again
	// when there is room again meanwhile. None is smaller than a block.
	at := info.Size()
	for piece := int64(64 << 20); piece >= 1<<10; {
		switch err := unix.Fallocate(int(f.Fd()), 0, at, piece); {
		case err == nil:
			at += piece
			piece *= 2
		case errors.Is(err, syscall.ENOSPC):
			piece /= 2
		case errors.Is(err, syscall.EINTR):
		default:
			return errors.Join(fmt.Errorf("fill %s: %w", d.Dir, err), f.Close())
		}
	}
	return f.Close()
}

// Remove unmounts it for good and removes what it lay in. It is safe to
// repeat.
func (d *Disk) Remove() error {
	err := d.Unmount()
	if err == nil && d.image != "" {
		if err = os.Remove(d.image); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return err
}

func run(program string, args ...string) error {
	output, err := exec.Command(program, args...).CombinedOutput() //nolint:gosec // this file names the programs
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Halt stops a process as if its machine had lost power: when it returns none
// of its threads runs any more, nor will one before the process is killed. A
// thread that waits inside a sync learns nothing of its result. Without this, a
// sync under way during a cut could seem to succeed.
func Halt(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	for {
		if stopped, err := halted(pid); stopped || err != nil {
			return err
		}
	}
}

func halted(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return false, errors.Join(err, fmt.Errorf("process %d is gone", pid))
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // this thread has ended
		}
		if err != nil {
			return false, err
		}
		// The state follows the name, which is in parentheses: T is stopped, D
		// waits for the disk and stops before it leaves the kernel.
		_, state, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
		if !strings.HasPrefix(state, "T") && !strings.HasPrefix(state, "D") {
			return false, nil
		}
	}
	return true, nil
}
