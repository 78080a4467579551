package inventory

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, fsys vfs.FS, name, text string) {
	t.Helper()
	f, err := fsys.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryIsComparedWithItsList(t *testing.T) {
	fsys := vfs.NewMem()
	write(t, fsys, "b", "")
	write(t, fsys, "a", "abc")
	write(t, fsys, "LOCK", "")
	files, err := Of(t.Context(), fsys, "", "LOCK")
	if err != nil || len(files) != 2 || files[1].Name != "b" ||
		files[0] != (File{"a", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}) {
		t.Fatalf("%+v, %v", files, err)
	}
	write(t, fsys, "c", "more")
	if err := Check(t.Context(), fsys, "", files); err != nil {
		t.Error(err)
	}
	write(t, fsys, "a", "abd")
	var corrupt *storage.CorruptionError
	if err := Check(t.Context(), fsys, "", files); !errors.As(err, &corrupt) || corrupt.Where != "a" {
		t.Errorf("a changed file: %v", err)
	}
	if err := fsys.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), fsys, "", files); !errors.As(err, &corrupt) {
		t.Errorf("a missing file: %v", err)
	}
}
