//go:build !linux

package disktest

import (
	"fmt"
	"testing"
)

// Disk is a file system mounted for one test; there is none on this system.
type Disk struct {
	// Dir is where it would be mounted.
	Dir string
}

// Missing tells that there are none.
func Missing(_ testing.TB, k Kind) string { return fmt.Sprintf("no %s here: it needs Linux", k) }

// New fails the test.
func New(t testing.TB, k Kind, _ int) *Disk {
	t.Helper()
	t.Fatal(Missing(t, k))
	return nil
}

// Mount fails.
func (*Disk) Mount() error { return errNoPower }

// Unmount fails.
func (*Disk) Unmount() error { return errNoPower }

// CutPower fails.
func (*Disk) CutPower() error { return errNoPower }

// Free fails.
func (*Disk) Free() (uint64, error) { return 0, errNoPower }

// Take fails.
func (*Disk) Take(string, uint64) error { return errNoPower }

// Fill fails.
func (*Disk) Fill(string) error { return errNoPower }

// Remove fails.
func (*Disk) Remove() error { return errNoPower }

// Halt fails.
func Halt(int) error { return errNoPower }
