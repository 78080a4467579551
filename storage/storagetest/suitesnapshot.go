package storagetest

import (
	"fmt"

	"github.com/stet-db/stet/storage"
)

// snapshotRules hold for stores that also keep snapshots; others pass.
var snapshotRules = []rule{
	{"finds the newest snapshot that the query allows", (*subject).findsSnapshots},
	{"keeps no snapshot of what is not there", (*subject).refusesSnapshots},
	{"keeps a bounded number of snapshots of one stream", (*subject).boundsSnapshots},
	{"forgets all snapshots when told, and nothing else", (*subject).dropsSnapshots},
}

// cache is the store as a cache of snapshots; nil when it is none.
func (s *subject) cache() storage.SnapshotCache {
	c, ok := s.store.(storage.SnapshotCache)
	if !ok {
		s.Skip("the store keeps no snapshots")
	}
	return c
}

func (s *subject) keep(stream string, v storage.Version, key byte, state string) {
	s.Helper()
	given := []byte(state)
	if err := s.cache().PutSnapshot(s.Context(), storage.Snapshot{Stream: stream, Version: v, Key: storage.SnapshotKey{key}, State: given}); err != nil {
		s.Fatalf("keep snapshot of %q at %d: %v", stream, v, err)
	}
	clear(given) // the caller's again
}

// finds wants the state of a snapshot; empty: there must be none.
func (s *subject) finds(stream string, notAfter storage.Version, key byte, want string) {
	s.Helper()
	got, ok, err := s.cache().FindSnapshot(s.Context(), storage.SnapshotQuery{Stream: stream, NotAfter: notAfter, Key: storage.SnapshotKey{key}})
	if err != nil {
		s.Fatalf("find snapshot: %v", err)
	}
	text := ""
	if ok {
		text = fmt.Sprintf("%s at %d", got.State, got.Version)
		if got.Stream != stream || got.Key != (storage.SnapshotKey{key}) {
			s.Fatalf("asked for %q under %d, got %q under %v", stream, key, got.Stream, got.Key)
		}
		clear(got.State) // the caller's own
	}
	if text != want {
		s.Fatalf("snapshot of %q not after %d under key %d: got %q, want %q", stream, notAfter, key, text, want)
	}
}

func (s *subject) findsSnapshots() {
	s.cache()
	s.fill("a-1", 1, 20)
	s.fill("a-2", 100e6, 20)
	s.finds("a-1", 20, 1, "")
	s.keep("a-1", 5, 1, "five")
	s.keep("a-1", 10, 1, "ten")
	s.keep("a-1", 15, 2, "other")
	s.keep("a-2", 20, 1, "")
	for range 2 { // nothing that is found is given away
		for notAfter, want := range map[storage.Version]string{
			0: "", 4: "", 5: "five at 5", 9: "five at 5", 10: "ten at 10", 20: "ten at 10", ^storage.Version(0): "ten at 10",
		} {
			s.finds("a-1", notAfter, 1, want)
		}
		s.finds("a-1", 20, 2, "other at 15")
		s.finds("a-1", 14, 2, "")
		s.finds("a-1", 20, 3, "")
		s.finds("a-2", 20, 1, " at 20")
	}
	s.keep("a-1", 10, 2, "again")
	s.finds("a-1", 20, 1, "five at 5")
	s.finds("a-1", 14, 2, "again at 10")
}

func (s *subject) refusesSnapshots() {
	cache := s.cache()
	s.fill("a", 1, 2)
	for _, bad := range []storage.Snapshot{{Stream: "b", Version: 1}, {Stream: "a", Version: 3}, {Stream: "a"}} {
		if err := cache.PutSnapshot(s.Context(), bad); err == nil {
			s.Errorf("a snapshot of %q at %d is kept", bad.Stream, bad.Version)
		}
	}
	s.finds("b", 1, 0, "")
	s.finds("a", 9, 0, "")
}

func (s *subject) boundsSnapshots() {
	s.cache()
	const n = storage.SnapshotsPerStream + 3
	s.fill("a", 1, n)
	for v := storage.Version(1); v <= n; v++ {
		s.keep("a", v, 1, "x")
	}
	s.finds("a", 3, 1, "")
	s.finds("a", 4, 1, "x at 4")
	s.keep("a", n, 1, "y") // in its own place: nothing has to go
	s.finds("a", 4, 1, "x at 4")
	s.finds("a", n, 1, fmt.Sprintf("y at %d", n))
}

func (s *subject) dropsSnapshots() {
	cache := s.cache()
	s.fill("a", 1, 3)
	s.keep("a", 1, 1, "x")
	s.keep("a", 3, 1, "y")
	if err := cache.DropSnapshots(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.finds("a", 9, 1, "")
	if info, err := s.store.Stream(s.Context(), "a", s.store.Head()); err != nil || info.Version != 3 {
		s.Fatalf("the stream is at %d: %v", info.Version, err)
	}
	s.keep("a", 2, 1, "z")
	s.finds("a", 9, 1, "z at 2")
}
