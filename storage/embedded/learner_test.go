package embedded

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// A log with more streams than are learned before it is open begins none of them
// a second time while the others are being learned, nor afterwards, and closes
// meanwhile.
func TestStreamsOfALargeLogAreKnownWhileTheyAreLearned(t *testing.T) {
	const appends, each = 50, 1000
	o := Options{FS: vfs.NewMem(), DiskFloorBytes: -1, ScrubBytesPerSecond: -1}
	open := func() *Store {
		s, err := Open("store", o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	begin := func(s *Store, stream string) error {
		_, err := s.Append(t.Context(), storagetest.One(2, storagetest.Expect(stream, storage.ExpectNoStream(), storagetest.Propose(1<<20, "Begun", "{}"))))
		return err
	}
	s := open()
	for i := range appends {
		var entries []storage.Entry
		for k := range each {
			n := uint64(i*each + k + 1)
			entries = append(entries, storagetest.Expect(fmt.Sprintf("order-%d", n), storage.ExpectNoStream(), storagetest.Propose(n, "Begun", "{}")))
		}
		if _, err := s.Append(t.Context(), storagetest.One(1, entries...)); err != nil {
			t.Fatal(err)
		}
	}
	for life := range 3 {
		if err := s.Close(); err != nil { // in the later lives while it learns
			t.Fatal(err)
		}
		s = open()
		if life == 2 {
			s.learn.done.Wait()
		}
		for n := life + 1; n <= appends*each; n += 997 {
			if err := begin(s, fmt.Sprintf("order-%d", n)); !errors.As(err, new(*storage.ConflictError)) {
				t.Fatalf("order-%d was begun again: %v", n, err)
			}
		}
		if err := begin(s, fmt.Sprintf("new-%d", life)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
