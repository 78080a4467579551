package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore/directory"
	"github.com/stet-db/stet/storage/record"
)

// image is the content of a directory.
type image map[string][]byte

const imageDir = "data"

// take copies a directory.
func take(t testing.TB, fsys vfs.FS) image {
	t.Helper()
	names, err := fsys.List(imageDir)
	if err != nil {
		t.Fatal(err)
	}
	out := image{}
	for _, name := range names {
		if out[name], err = directory.Read(fsys, imageDir, name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// put makes a file system in memory with the image in it.
func (i image) put(t testing.TB) *vfs.MemFS {
	t.Helper()
	fsys := vfs.NewMem()
	err := fsys.MkdirAll(imageDir, 0o750)
	for name, content := range i {
		var f vfs.File
		if err == nil {
			f, err = fsys.Create(fsys.PathJoin(imageDir, name), vfs.WriteCategoryUnspecified)
		}
		if err == nil {
			// A copy: with the tag invariants, writing garbles what it is given.
			_, err = f.Write(bytes.Clone(content))
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// same tells whether two images are equal but for LOCK, which holds nothing
// and is made by opening.
func (i image) same(other image) bool {
	a, b := maps.Clone(i), maps.Clone(other)
	delete(a, "LOCK")
	delete(b, "LOCK")
	return maps.EqualFunc(a, b, bytes.Equal)
}

// kind is the type of a file.
func kind(name string) string {
	switch {
	case strings.HasSuffix(name, ".log"):
		return "log"
	case strings.HasSuffix(name, ".sst"):
		return "sst"
	case strings.HasPrefix(name, "marker."):
		return "marker"
	case strings.HasPrefix(name, "stet-"):
		return "sums"
	default:
		kind, _, _ := strings.Cut(name, "-")
		return kind
	}
}

// history is a store with known content.
type history struct {
	t       testing.TB
	random  *rand.Rand
	w       *writer
	sums    []uint32            // by position
	ends    []storage.Position  // at which a request was remembered
	content map[string][]uint32 // by stream and version

	mu      sync.Mutex
	applied storage.Position // may be there
	acked   storage.Position // must be there
}

// optionsForDamage are small, so that short histories have many files.
func optionsForDamage(fsys vfs.FS) Options {
	return Options{FS: fsys, MemTableBytes: 32 << 10, CacheBytes: 1 << 20}
}

func newHistory(t testing.TB, random *rand.Rand) *history {
	return &history{t: t, random: random, content: map[string][]uint32{}, w: &writer{streams: map[string]storage.StreamState{}}}
}

// open opens the store for the next part of the history.
func (h *history) open(fsys vfs.FS) {
	h.t.Helper()
	db, err := Open(imageDir, optionsForDamage(fsys))
	if err != nil {
		h.t.Fatal(err)
	}
	h.w.db = db
}

func (h *history) close() {
	h.t.Helper()
	if err := h.w.db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// commit adds a batch of events.
func (h *history) commit() {
	h.t.Helper()
	b := h.w.db.Begin()
	for range 1 + h.random.IntN(4) {
		h.put(b)
	}
	if last := h.w.last; last%7 == 0 {
		h.ends = append(h.ends, last)
		b.Remember(fmt.Sprintf("request-%d", last), storage.RequestRow{First: last, Count: 1, Expiry: 1 << 40}, uint64(len(h.ends)))
	}
	h.mu.Lock()
	h.applied = h.w.last
	h.mu.Unlock()
	if err := errors.Join(b.Apply(), b.Sync()); err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	h.acked = h.w.last
	h.mu.Unlock()
}

func (h *history) put(b *Batch) {
	stream := fmt.Sprintf("s-%d", h.random.IntN(12))
	s := h.w.streams[stream]
	if s.Number == 0 {
		s.Number = uint64(len(h.w.streams)) + 1
	}
	s.Version++
	h.w.last++
	h.w.streams[stream] = s
	e := h.event()
	p := storage.Placed{Stream: stream, Number: s.Number, Version: s.Version, Position: h.w.last, RecordedAt: storage.Instant(h.w.last), Event: &e}
	b.Put(p, s.Version == 1)
	sum := crc32.ChecksumIEEE(record.AppendRecorded(nil, stream, s.Version, p.Position, p.RecordedAt, &e))
	h.sums = append(h.sums, sum)
	h.content[stream] = append(h.content[stream], sum)
}

func (h *history) event() storage.NewEvent {
	payload := make([]byte, 1+h.random.IntN(1200))
	for i := range payload {
		payload[i] = "abcdefgh"[h.random.IntN(8)]
	}
	e, violations := record.NewEventOf(&storage.Event{Type: "Tested", Kind: storage.PayloadBinary, Payload: payload}, storage.Limits{}.WithDefaults())
	if violations != nil {
		h.t.Fatal(violations)
	}
	e.ID = storage.EventID{7, byte(h.w.last >> 8), byte(h.w.last)}
	return e
}

// differenceError is data that is not as it was written, served without an
// error: what must never be.
type differenceError struct{ text string }

func (e *differenceError) Error() string { return e.text }

func different(format string, args ...any) error {
	return &differenceError{fmt.Sprintf(format, args...)}
}

// compare reads all there is in every way and holds it against the history: at
// least the acknowledged, at most what was applied.
func (h *history) compare(t testing.TB, db *DB, atLeast, atMost storage.Position) error {
	t.Helper()
	last, _, err := db.Last()
	if err != nil {
		return err
	}
	if last < atLeast || last > atMost {
		return different("the log ends at %d; acknowledged were %d, written %d", last, atLeast, atMost)
	}
	next := storage.Position(1)
	for r, err := range db.ReadAll(t.Context(), storage.AllRange{}, last) {
		if err != nil {
			return err
		}
		if r.Position != next || crc32.ChecksumIEEE(r.Wire) != h.sums[r.Position-1] {
			return different("position %d: the event there has changed", r.Position)
		}
		next++
	}
	if next != last+1 {
		return different("the log was read up to %d of %d", next-1, last)
	}
	return h.compareStreams(t, db, last)
}

func (h *history) compareStreams(t testing.TB, db *DB, last storage.Position) error {
	total := storage.Position(0)
	for stream, sums := range h.content {
		v := 0
		for r, err := range db.ReadStream(t.Context(), storage.StreamRange{Stream: stream, Head: last}) {
			var none *storage.StreamNotFoundError
			if errors.As(err, &none) {
				break
			}
			if err != nil {
				return err
			}
			if v >= len(sums) || crc32.ChecksumIEEE(r.Wire) != sums[v] {
				return different("stream %s: version %d has changed", stream, v+1)
			}
			v++
		}
		total += storage.Position(v)
	}
	if total != last {
		return different("the streams have %d events and the log %d", total, last)
	}
	for _, p := range h.ends {
		if p > last {
			break
		}
		_, ok, err := db.Request(fmt.Sprintf("request-%d", p))
		if err != nil {
			return err
		}
		if !ok {
			return different("request-%d is forgotten", p)
		}
	}
	return nil
}

// base is a directory, and the content it must give.
type base struct {
	name            string
	files           image
	older           image // of an earlier moment
	history         *history
	atLeast, atMost storage.Position
}

// quiet waits until the engine has nothing left to do in the background. A
// file is covered a moment later than it is acknowledged only while another one
// is being removed.
func quiet(db *DB) {
	for {
		if m := db.pebble.Metrics(); m.Flush.NumInProgress == 0 && m.Compact.NumInProgress == 0 && m.MemTable.Count == 1 {
			break
		}
		runtime.Gosched()
	}
	db.pebble.TestOnlyWaitForCleaning()
}

// flush empties the log into tables.
func (h *history) flush() {
	h.t.Helper()
	if err := h.w.db.pebble.Flush(); err != nil {
		h.t.Fatal(err)
	}
	quiet(h.w.db)
}

// bases makes directories of one history: killed, and closed in good order.
func bases(t testing.TB, seed uint64) []base {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	h := newHistory(t, random)
	fsys := vfs.NewMem()
	var out []base
	older := image{}
	for life := range 3 {
		h.open(fsys)
		commits := 20 + random.IntN(60)
		for c := range commits {
			if h.commit(); c == commits/2 {
				h.flush()
				older = merged(older, take(t, fsys))
			}
		}
		if life > 0 {
			quiet(h.w.db)
			out = append(out, h.base(fmt.Sprintf("killed %d", life), take(t, fsys), older))
		}
		h.close()
		if life > 0 {
			out = append(out, h.base(fmt.Sprintf("closed %d", life), take(t, fsys), older))
		}
		older = merged(older, take(t, fsys))
	}
	return out
}

func (h *history) base(name string, files, older image) base {
	delete(files, "LOCK")
	return base{name: name, files: files, older: older, history: h, atLeast: h.w.last, atMost: h.w.last}
}

func merged(a, b image) image {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// crashes takes images of a disk at chosen operations on files, with part of
// what was not synced.
type crashes struct {
	disk    *vfs.MemFS
	history *history

	mu     sync.Mutex
	random *rand.Rand
	until  int // operations until the next
	every  int
	taken  []crash
}

type crash struct {
	disk            *vfs.MemFS
	percent         int
	atLeast, atMost storage.Position
}

func (c *crashes) String() string { return "crashes" }

// MaybeError never injects an error: it is the moment in front of an operation.
func (c *crashes) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until--; c.until > 0 {
		return nil
	}
	c.until = 1 + c.random.IntN(c.every)
	percents := []int{0, 100, c.random.IntN(101)}
	out := crash{percent: percents[c.random.IntN(3)]}
	c.history.mu.Lock()
	out.atLeast = c.history.acked // in front of the clone: what is acknowledged must be in it
	c.history.mu.Unlock()
	out.disk = c.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: out.percent, RNG: c.random})
	c.history.mu.Lock()
	out.atMost = c.history.applied
	c.history.mu.Unlock()
	c.taken = append(c.taken, out)
	return nil
}
