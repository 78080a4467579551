package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/storagetest"
)

// TestRecordedTimeNeverFallsWhateverTheClockDoes shows I12 over restarts: the
// clock that appends are stamped with jumps by up to an hour either way, also
// while the store is closed, and days pass for the store's own timers.
func TestRecordedTimeNeverFallsWhateverTheClockDoes(t *testing.T) {
	work := prooftest.Choose(t, prooftest.Work{Floor: 20}, prooftest.Work{Floor: 500})
	seed := prooftest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 12))
	counters := prooftest.Counters{}
	synctest.Test(t, func(t *testing.T) {
		disk, began := vfs.NewMem(), time.Now()
		var last storage.Instant
		var position storage.Position
		offset := time.Duration(0)
		for life := range work.Floor {
			store, err := Open("data", Options{FS: disk, DiskFloorBytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				time.Sleep(time.Duration(random.Int64N(int64(time.Minute)))) //nolint:forbidigo // of the bubble
				jump := time.Duration(random.Int64N(int64(2*time.Hour))) - time.Hour
				offset = max(offset+jump, -time.Hour)
				offset = min(offset, time.Hour)
				asked := storage.InstantOf(time.Now().Add(offset))
				entry := storagetest.Expect(fmt.Sprintf("a-%d", random.IntN(5)), storage.ExpectAny(),
					storagetest.Propose(uint64(position)+1, "Happened", "{}"))
				got, err := store.Append(t.Context(), storagetest.One(asked, entry))
				if err != nil {
					t.Fatal(err)
				}
				recorded, err := store.RecordedAt(t.Context(), got.First)
				if err != nil {
					t.Fatal(err)
				}
				if recorded != max(last, asked) || got.First != position+1 {
					t.Errorf("seed %d, life %d: position %d is recorded at %v, asked %v after %v", seed, life, got.First, recorded, asked, last)
				}
				if asked < last {
					counters["appends_under_an_older_clock"]++
				}
				last, position = recorded, got.First
				counters["appends"]++
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			counters["restarts"]++
		}
		counters["virtual_minutes"] = uint64(time.Since(began).Minutes())
	})
	work.Check(t, "restarts", int(counters["restarts"]))
	if counters["appends_under_an_older_clock"] < counters["appends"]/10 {
		t.Errorf("the clock was set back only %d times", counters["appends_under_an_older_clock"])
	}
	work.Report(t, "virtual-clock", seed, counters, nil)
}

// TestARequestIDIsKnownForItsWindowAndNotLonger shows I5 in virtual time, over
// a restart: the answer is the first one to the window's end, and then the
// request is a new one.
func TestARequestIDIsKnownForItsWindowAndNotLonger(t *testing.T) {
	const window = 7 * 24 * time.Hour
	work := prooftest.Choose(t, prooftest.Work{Floor: 1}, prooftest.Work{Floor: 1})
	var minutes uint64
	synctest.Test(t, func(t *testing.T) {
		disk, began := vfs.NewMem(), time.Now()
		send := func() storage.Appended {
			t.Helper()
			store, err := Open("data", Options{FS: disk, DiskFloorBytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			a := storagetest.One(storage.InstantOf(time.Now()), storagetest.Expect("a-1", storage.ExpectAny(), storagetest.Propose(1, "Happened", "{}")))
			a.RequestID, a.Window = "once", window
			got, err := store.Append(t.Context(), a)
			if err := errors.Join(err, store.Close()); err != nil {
				t.Fatal(err)
			}
			return got
		}
		first := send()
		time.Sleep(window - time.Minute) //nolint:forbidigo // of the bubble
		if again := send(); again.First != first.First || !again.Replayed {
			t.Errorf("a minute before its end: %+v, want the first answer %+v", again, first)
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // of the bubble
		if later := send(); later.First == first.First || later.Replayed {
			t.Errorf("a minute after its end: %+v, want a new append", later)
		}
		minutes = uint64(time.Since(began).Minutes())
	})
	work.Report(t, "virtual-request-ids", 0, prooftest.Counters{"virtual_minutes": minutes, "restarts": 3}, nil)
}
