package disktest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// With the file system itself this never ends.
func TestAFileSystemInMemoryIsClonedWhileFilesAreRecycled(t *testing.T) {
	disk := vfs.NewCrashableMem()
	fsys := Clonable{disk}
	var recycling sync.WaitGroup
	recycling.Go(func() {
		f, err := fsys.Create("0", vfs.WriteCategoryUnspecified)
		for n := range 5000 {
			if err == nil {
				_, err = f.Write([]byte("here"))
			}
			if err == nil {
				err = f.Close()
			}
			if err != nil {
				t.Error(err)
				return
			}
			f, err = fsys.ReuseForWrite(fmt.Sprint(n), fmt.Sprint(n+1), vfs.WriteCategoryUnspecified)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Error(err)
		}
	})
	for range 5000 {
		disk.CrashClone(vfs.CrashCloneCfg{})
	}
	recycling.Wait()
	if names, err := disk.List(""); err != nil || len(names) != 1 || names[0] != "5000" {
		t.Errorf("the files are %v, %v", names, err)
	}
}
