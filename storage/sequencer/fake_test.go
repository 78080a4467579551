package sequencer

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeLog is an engine in memory whose syncs the test holds back or fails. It
// shows what is applied before it is durable, as the real one does.
type fakeLog struct {
	mu       sync.Mutex
	events   []storage.Placed
	streams  map[string]storage.StreamState
	requests map[string]storage.RequestRow

	// sync answers each Sync; nil: at once.
	sync    func(batch int) error
	batches int
	// reads counts calls of Stream, to show what is cached.
	reads int
	// purging is called when a purge begins; nil: nothing.
	purging func()
}

func newFakeLog() *fakeLog {
	return &fakeLog{streams: map[string]storage.StreamState{}, requests: map[string]storage.RequestRow{}}
}

func (l *fakeLog) Last() (storage.Position, storage.Instant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.events); n > 0 {
		return l.events[n-1].Position, l.events[n-1].RecordedAt, nil
	}
	return 0, 0, nil
}

func (l *fakeLog) LastStreamNumber() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.streams)), nil
}

func (l *fakeLog) Stream(name string) (storage.StreamState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	return l.streams[name], nil
}

func (l *fakeLog) Request(id string) (storage.RequestRow, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	row, ok := l.requests[id]
	return row, ok, nil
}

func (l *fakeLog) Requests() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.requests)), nil
}

func (l *fakeLog) Stored(stream uint64, after storage.Version, events []storage.NewEvent) (Found, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []storage.Placed
	for _, p := range l.events {
		if p.Number == stream && p.Version > after && len(found) < len(events) {
			found = append(found, p)
		}
	}
	for i, p := range found {
		if p.Event.ID != events[i].ID || p.Position != found[0].Position+storage.Position(i) {
			return Found{}, nil
		}
	}
	if len(found) < len(events) {
		return Found{}, nil
	}
	return Found{OK: true, First: found[0].Position, RecordedAt: found[0].RecordedAt}, nil
}

func (l *fakeLog) IDs(first storage.Position, count uint64) ([]storage.EventID, storage.Instant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []storage.EventID
	for _, p := range l.events[first-1:][:count] {
		ids = append(ids, p.Event.ID)
	}
	return ids, l.events[first-1].RecordedAt, nil
}

func (l *fakeLog) Versions(positions []storage.Position) ([]storage.Version, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []storage.Version
	for _, p := range positions {
		out = append(out, l.events[p-1].Version)
	}
	return out, nil
}

func (l *fakeLog) Expired(now storage.Instant, limit uint64) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(0)
	for _, row := range l.requests {
		if row.Expiry <= now && n < limit {
			n++
		}
	}
	return n, nil
}

func (l *fakeLog) Purge(now storage.Instant, limit int) (left uint64, purged int, err error) {
	if l.purging != nil {
		l.purging()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, row := range l.requests {
		if row.Expiry <= now && purged < limit {
			delete(l.requests, id)
			purged++
		}
	}
	return uint64(len(l.requests)), purged, nil
}

func (l *fakeLog) Begin() Batch { return &fakeBatch{log: l} }

type fakeBatch struct {
	log      *fakeLog
	events   []storage.Placed
	requests map[string]storage.RequestRow
	n        int
}

func (b *fakeBatch) Put(p storage.Placed, _ bool) { b.events = append(b.events, p) }

func (b *fakeBatch) Remember(id string, row storage.RequestRow, _ uint64) {
	if b.requests == nil {
		b.requests = map[string]storage.RequestRow{}
	}
	b.requests[id] = row
}

func (b *fakeBatch) Bytes() int { return len(b.events) }

func (b *fakeBatch) Apply() error {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	b.log.batches++
	b.n = b.log.batches
	b.log.events = append(b.log.events, b.events...)
	for _, p := range b.events {
		b.log.streams[p.Stream] = storage.StreamState{Number: p.Number, Version: p.Version}
	}
	for id, row := range b.requests {
		b.log.requests[id] = row
	}
	return nil
}

func (b *fakeBatch) Sync() error {
	if b.log.sync == nil {
		return nil
	}
	return b.log.sync(b.n)
}

// running starts a sequencer over the log and tells what it published and
// whether it failed.
type running struct {
	*Sequencer
	mu        sync.Mutex
	published []storage.Position
	fatal     chan error
}

func start(t *testing.T, l *fakeLog, o Options) *running {
	t.Helper()
	r := &running{fatal: make(chan error, 1)}
	o.Durable = func(_ Batch, last storage.Position) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.published = append(r.published, last)
	}
	o.Fatal = func(err error) { r.fatal <- err }
	s, err := New(l, o)
	if err != nil {
		t.Fatal(err)
	}
	r.Sequencer = s
	s.Start()
	t.Cleanup(s.Close)
	return r
}

func (r *running) head() storage.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.published) == 0 {
		return 0
	}
	return slices.Max(r.published)
}

// one is an append of one event to a stream.
func one(stream string, e storage.Expectation, id byte) *storage.Append {
	return &storage.Append{Entries: []storage.Entry{{Stream: stream, Expectation: e, Events: []storage.NewEvent{{ID: storage.EventID{id}}}}}}
}

// result is what done was called with.
type result struct {
	name string
	at   storage.Appended
	err  error
}

// submit queues an append and sends its result to the channel, which must have
// room.
func (r *running) submit(t *testing.T, name string, a *storage.Append, to chan<- result) {
	t.Helper()
	err := r.Submit(t.Context(), a, func(at storage.Appended, err error) { to <- result{name, at, err} })
	if err != nil {
		t.Fatalf("submit %s: %v", name, err)
	}
}

var errDisk = errors.New("the disk is gone")

// gate holds syncs back until the test lets them go.
type gate struct {
	entered chan int
	leave   chan error
}

func newGate() *gate { return &gate{entered: make(chan int, 64), leave: make(chan error)} }

func (g *gate) sync(batch int) error {
	g.entered <- batch
	return <-g.leave
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "s-" + strconv.Itoa(i)
	}
	return out
}

func mustAppend(t *testing.T, r *running, a *storage.Append) storage.Appended {
	t.Helper()
	at, err := r.Append(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
