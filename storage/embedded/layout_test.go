package embedded

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore"
	"github.com/stet-db/stet/storage/storagetest"
)

var writeLayout = flag.Bool("write-layout", false, "keep a store of the present layout in testdata, where there is none yet")

// layoutArchive is a store as a release of the layout left it when it was killed:
// some in tables, some in a log that has to be replayed.
func layoutArchive(layout uint32) string {
	return filepath.Join("testdata", fmt.Sprintf("layout-%d.tar.gz", layout))
}

// What a released layout has on disk is read by every later release, as it was
// written, and written on. The archives are never made anew.
func TestAStoreOfEveryLayoutIsReadAndWrittenOn(t *testing.T) {
	if *writeLayout {
		keepLayout(t)
	}
	want := storagetest.NewModel()
	livedThrough(t, want, 1)
	livedThrough(t, want, 2)
	for layout := uint32(1); layout <= pebblestore.Layout; layout++ {
		t.Run(fmt.Sprintf("layout %d", layout), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			unpack(t, layoutArchive(layout), dir)
			wantClean(t, dir)
			store, err := Open(dir, Options{DiskFloorBytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			if err := storagetest.Difference(t.Context(), store, want); err != nil {
				t.Error(err)
			}
			wantKnown(t, store)
			if a, err := store.Append(t.Context(), storagetest.One(90_000_000, storagetest.Expect("order-1", storage.ExpectVersion(21), storagetest.Propose(9_999, "Closed", "{}")))); err != nil || a.Entries[0].First != 22 {
				t.Errorf("the next append: %+v, %v", a, err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			wantClean(t, dir)
		})
	}
}

// livedThrough is one of two lives of a store.
func livedThrough(t *testing.T, store storage.Store, life int) {
	t.Helper()
	n, at := uint64(life)*1000, storage.Instant(life)*10_000_000
	appended := func(a *storage.Append) {
		t.Helper()
		if _, err := store.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(20) {
		events := []storage.NewEvent{
			storagetest.Propose(n+10*i, "Added", fmt.Sprintf(`{"sku":"A%d","price":29.90}`, i), "sku:A1", fmt.Sprintf("customer:%d", i%3)),
			storagetest.Propose(n+10*i+1, "Noted", `{"text":"Grüße, 世界"}`),
		}
		appended(storagetest.One(at+storage.Instant(i)*1000, storagetest.Expect(fmt.Sprintf("cart-%d-%d", life, i), storage.ExpectNoStream(), events...)))
		if i < 10 {
			one := storagetest.ProposeEvent(&storage.Event{
				ID: storagetest.EventIDOf(n + 10*i + 2), Type: "Packed", Kind: storage.PayloadBinary, Payload: []byte{0, byte(i), 255},
				OccurredAt: time.Unix(-5, 0), SchemaVersion: 3, Metadata: map[string]string{"b": "2", "a": ""},
			})
			appended(storagetest.One(at+storage.Instant(i)*1000, storagetest.Expect("order-1", storage.ExpectAny(), one)))
		}
	}
	a := storagetest.One(at+30_000,
		storagetest.Expect("order-1", storage.ExpectExists(), storagetest.Propose(n+500, "Paid", `{"by":"card"}`)),
		storagetest.Expect(fmt.Sprintf("payment-%d", life), storage.ExpectNoStream(), storagetest.Propose(n+501, "Received", "{}")),
		storagetest.Expect("none", storage.ExpectNoStream()))
	if life == 1 {
		a.Entries[0].Events = nil // only a check
	}
	appended(storagetest.WithRequestID(a, fmt.Sprintf("request-%d", life)))
}

var keptSnapshot = storage.Snapshot{Stream: "order-1", Version: 10, Key: storage.SnapshotKey{1, 2, 3}, State: []byte(`{"packed":10}`)}

// wantKnown wants what lies beside the log to be there, too.
func wantKnown(t *testing.T, store *Store) {
	t.Helper()
	a := storagetest.WithRequestID(storagetest.One(80_000_000,
		storagetest.Expect("order-1", storage.ExpectExists(), storagetest.Propose(2500, "Paid", `{"by":"card"}`)),
		storagetest.Expect("payment-2", storage.ExpectNoStream(), storagetest.Propose(2501, "Received", "{}")),
		storagetest.Expect("none", storage.ExpectNoStream())), "request-2")
	if got, err := store.Append(t.Context(), a); err != nil || !got.Replayed || got.Last != store.Head() {
		t.Errorf("a request that was accepted before: got %+v, %v", got, err)
	}
	s, found, err := store.FindSnapshot(t.Context(), storage.SnapshotQuery{Stream: keptSnapshot.Stream, NotAfter: 20, Key: keptSnapshot.Key})
	if err != nil || !found || s.Version != keptSnapshot.Version || string(s.State) != string(keptSnapshot.State) {
		t.Errorf("the snapshot: got %+v, %v, %v", s, found, err)
	}
	if _, err := store.Append(t.Context(), storagetest.One(85_000_000, storagetest.Expect("cart-1-3", storage.ExpectNoStream(), storagetest.Propose(9000, "Added", "{}")))); !errors.As(err, new(*storage.ConflictError)) {
		t.Errorf("a stream that is there was begun again: %v", err)
	}
}

func wantClean(t *testing.T, dir string) {
	t.Helper()
	report, err := Verify(context.Background(), dir, Options{}, nil)
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("verify: %+v, %v", report, err)
	}
}

// keepLayout makes the archive of the present layout, as a kill would leave it.
func keepLayout(t *testing.T) {
	t.Helper()
	archive := layoutArchive(pebblestore.Layout)
	if _, err := os.Stat(archive); err == nil {
		return
	}
	dir, image := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "image")
	for life := 1; life <= 2; life++ {
		store, err := Open(dir, Options{DiskFloorBytes: -1, MemTableBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		livedThrough(t, store, life)
		if life == 1 {
			if err := store.PutSnapshot(t.Context(), keptSnapshot); err != nil {
				t.Fatal(err)
			}
		} else if err := os.CopyFS(image, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	pack(t, image, archive)
}

func pack(t *testing.T, dir, archive string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(archive), 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v: a layout needs a store to be held to; make one with go test -run Layout -write-layout, and keep it for ever", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}
