package disktest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func have(t *testing.T, k Kind) {
	t.Helper()
	if why := Missing(t, k); why != "" {
		t.Skip(why)
	}
}

// write writes a file, and syncs it and its name where asked.
func write(t *testing.T, path string, sync bool) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("here"); err != nil {
		t.Fatal(err)
	}
	if sync {
		dir, err := os.Open(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), dir.Sync(), dir.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestACutKeepsWhatWasSyncedAndNothingElse(t *testing.T) {
	for _, k := range []Kind{Ext4, XFS} {
		t.Run(string(k), func(t *testing.T) {
			have(t, k)
			d := New(t, k, 300)
			kept, lost := filepath.Join(d.Dir, "kept"), filepath.Join(d.Dir, "lost")
			for range 3 {
				write(t, kept, true)
				write(t, lost, false)
				if err := errors.Join(d.CutPower(), d.Unmount(), d.Mount()); err != nil {
					t.Fatal(err)
				}
				if text, err := os.ReadFile(kept); err != nil || string(text) != "here" {
					t.Errorf("what was synced is %q, %v", text, err)
				}
				if text, err := os.ReadFile(lost); err == nil && string(text) != "" {
					t.Errorf("what was not synced is %q", text)
				}
			}
		})
	}
}

func TestAFilledDiskTakesNothingMore(t *testing.T) {
	for _, k := range []Kind{Ext4, Tmpfs} {
		t.Run(string(k), func(t *testing.T) {
			have(t, k)
			d := New(t, k, 32)
			if err := errors.Join(d.Take("some", 1<<20), d.Fill("rest")); err != nil {
				t.Fatal(err)
			}
			if free, err := d.Free(); free != 0 || err != nil {
				t.Errorf("%d bytes are free, %v", free, err)
			}
			if err := os.WriteFile(filepath.Join(d.Dir, "more"), []byte("more"), 0o600); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("writing more: %v", err)
			}
			if err := os.Remove(filepath.Join(d.Dir, "some")); err != nil {
				t.Fatal(err)
			}
			if free, err := d.Free(); free < 1<<19 || err != nil {
				t.Errorf("%d bytes are free after making room, %v", free, err)
			}
		})
	}
}
