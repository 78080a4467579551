package pebblestore

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What keeping the checksums costs a commit: one event, synced, by one writer.
// docs/decisions/0013 has figures.
func BenchmarkCommit(b *testing.B) {
	for _, off := range []bool{false, true} {
		b.Run(fmt.Sprintf("checksums=%v", !off), func(b *testing.B) {
			_, w := opened(b, b.TempDir(), Options{NoFileSums: off})
			for b.Loop() {
				w.commit(b, "s-1")
			}
		})
	}
}

// The same where a sync costs nothing: what is left is the cost itself.
func BenchmarkCommitInMemory(b *testing.B) {
	for _, off := range []bool{false, true} {
		b.Run(fmt.Sprintf("checksums=%v", !off), func(b *testing.B) {
			_, w := opened(b, imageDir, Options{NoFileSums: off, FS: vfs.NewMem()})
			for b.Loop() {
				w.commit(b, "s-1")
			}
		})
	}
}

// What opening a store costs whose logs are full.
func BenchmarkOpen(b *testing.B) {
	for _, off := range []bool{false, true} {
		b.Run(fmt.Sprintf("checksums=%v", !off), func(b *testing.B) {
			fsys := vfs.NewMem()
			db, w := opened(b, imageDir, Options{FS: fsys})
			for range 100 {
				batch := db.Begin()
				for range 1000 {
					w.put(b, batch, "s-1")
				}
				if err := batch.Apply(); err != nil {
					b.Fatal(err)
				}
				if err := batch.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			files := take(b, fsys)
			for b.Loop() {
				b.StopTimer()
				fsys := files.put(b)
				b.StartTimer()
				db, err := Open(imageDir, Options{FS: fsys, NoFileSums: off})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
