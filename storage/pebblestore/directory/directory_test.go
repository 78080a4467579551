package directory

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAWrittenFileIsThereAfterAPowerCut(t *testing.T) {
	fsys := vfs.NewCrashableMem()
	if err := errors.Join(fsys.MkdirAll("store", 0o750), Sync(fsys, ""), Write(fsys, "store", "mark", []byte("content"))); err != nil {
		t.Fatal(err)
	}
	after := fsys.CrashClone(vfs.CrashCloneCfg{})
	if got, err := Read(after, "store", "mark"); err != nil || !bytes.Equal(got, []byte("content")) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := Read(after, "store", "other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was never there: %v", err)
	}
}

func TestAFileThatCannotBeSyncedIsNotTakenForWritten(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpOpenDir} {
		fails := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				return errorfs.ErrInjected
			}
			return nil
		})
		if err := Write(errorfs.Wrap(vfs.NewMem(), fails), "", "mark", []byte("content")); !errors.Is(err, errorfs.ErrInjected) {
			t.Errorf("operation %v failed, and the answer is %v", kind, err)
		}
	}
}

// narrow is a file system with so much room.
type narrow struct {
	vfs.FS
	available uint64
	err       error
}

func (n narrow) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: n.available}, n.err
}

// I8: what is in the logs is written once more when a store is opened.
func TestAStoreIsNotOpenedWhereItsLogsHaveNoRoom(t *testing.T) {
	fsys := vfs.NewMem()
	if err := errors.Join(Write(fsys, "", "000001.log", make([]byte, 1000)), Write(fsys, "", "000002.sst", make([]byte, 5000))); err != nil {
		t.Fatal(err)
	}
	if err := CheckRoom(narrow{fsys, roomToOpen + 1000, nil}, "", nil); err != nil {
		t.Errorf("just enough room: %v", err)
	}
	if err := CheckRoom(narrow{fsys, roomToOpen + 999, nil}, "", nil); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("a byte too little: %v", err)
	}
	if err := CheckRoom(narrow{fsys, 0, errors.New("cannot tell")}, "", nil); err != nil {
		t.Errorf("a file system that cannot tell: %v", err)
	}
}
