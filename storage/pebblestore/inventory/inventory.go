package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
)

// File is one file of a list, as it stands in a backup's manifest.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Of lists the files of a directory, by name, but for those left out.
func Of(ctx context.Context, fsys vfs.FS, dir string, leaveOut ...string) ([]File, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []File
	for _, name := range names {
		if slices.Contains(leaveOut, name) {
			continue
		}
		f, err := read(ctx, fsys, dir, name)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// Check compares a directory with a list. A file that differs is a
// [storage.CorruptionError]; what is not in the list is not looked at.
func Check(ctx context.Context, fsys vfs.FS, dir string, files []File) error {
	for _, want := range files {
		got, err := read(ctx, fsys, dir, want.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return &storage.CorruptionError{Where: fsys.PathJoin(dir, want.Name), Detail: "is missing"}
		}
		if err != nil {
			return fmt.Errorf("check backup file: %w", err)
		}
		if got != want {
			return &storage.CorruptionError{
				Where:  fsys.PathJoin(dir, want.Name),
				Detail: fmt.Sprintf("has %d bytes with hash %s, and the backup was made with %d bytes and hash %s", got.Bytes, got.SHA256, want.Bytes, want.SHA256),
			}
		}
	}
	return nil
}

func read(ctx context.Context, fsys vfs.FS, dir, name string) (out File, err error) {
	f, err := fsys.Open(fsys.PathJoin(dir, name))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		out.Bytes += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, fmt.Errorf("read %s: %w", name, err)
		}
	}
	out.Name, out.SHA256 = name, hex.EncodeToString(sum.Sum(nil))
	return out, nil
}
