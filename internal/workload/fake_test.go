package workload

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a system in memory that takes a fixed time for everything, and can be
// made to lose, repeat and stall.
type fake struct {
	takes time.Duration
	// stallAt is the append that takes stall instead; 0: none.
	stallAt int64
	stall   time.Duration
	// lose is the position that no subscriber gets, repeat the one that comes
	// twice.
	lose, repeat uint64

	appends, events, requestIDs atomic.Int64
	rules                       atomic.Pointer[Rules]
	mu                          struct {
		sync.Mutex
		head    uint64
		streams map[string]int
		moved   chan struct{}
	}
}

func newFake(takes time.Duration) *fake {
	f := &fake{takes: takes}
	f.mu.streams, f.mu.moved = map[string]int{}, make(chan struct{})
	return f
}

func (f *fake) append(a *Append) (uint64, error) {
	d := f.takes
	if f.appends.Add(1) == f.stallAt {
		d = f.stall
	}
	<-time.After(d) // in a synctest bubble
	if a.Unmet {
		return 0, fmt.Errorf("append to %s: %w", a.Stream, ErrConflict)
	}
	f.events.Add(int64(len(a.Events)))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.head += uint64(len(a.Events))
	f.mu.streams[a.Stream] += len(a.Events)
	close(f.mu.moved)
	f.mu.moved = make(chan struct{})
	return f.mu.head, nil
}

func (f *fake) state() (uint64, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.head, f.mu.moved
}

func (f *fake) Writer(_ context.Context, o WriterOptions) (Writer, error) {
	if o.RequestIDs {
		f.requestIDs.Add(1)
	}
	return &fakeWriter{f: f, slots: make(chan struct{}, max(o.InFlight, 1))}, nil
}

func (f *fake) Fill(_ context.Context, d Dataset, p *Payload, progress func(int)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range d.Streams {
		f.mu.streams[d.Stream(i)] = d.Length
	}
	f.mu.head += uint64(d.Events())
	progress(d.Events())
	return nil
}

func (f *fake) ReadAll(_ context.Context, _ bool, seen func(int) bool) error {
	head, _ := f.state()
	for at := uint64(0); at < head; at += 10 {
		<-time.After(f.takes)
		if !seen(int(min(10, head-at))) {
			return nil
		}
	}
	return nil
}

func (f *fake) ReadStream(_ context.Context, stream string) (int, error) {
	<-time.After(f.takes)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.streams[stream], nil
}

// PutRules fulfils [StateDriver].
func (f *fake) PutRules(_ context.Context, r Rules) error {
	f.rules.Store(&r)
	return nil
}

// ReadState fulfils [StateDriver].
func (f *fake) ReadState(ctx context.Context, stream string) (int, error) {
	return f.ReadStream(ctx, stream)
}

func (f *fake) Follow(ctx context.Context, _ bool, ready, seen func(uint64)) error {
	at, _ := f.state()
	ready(at)
	for {
		head, moved := f.state()
		for ; at < head; at++ {
			if at+1 == f.lose {
				continue
			}
			seen(at + 1)
			if at+1 == f.repeat {
				seen(at + 1)
			}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil
		}
	}
}

// fakeWriter pipelines by a goroutine for each append in flight.
type fakeWriter struct {
	f     *fake
	slots chan struct{}
	tasks sync.WaitGroup
	mu    sync.Mutex // one done at a time
}

func (w *fakeWriter) Append(_ context.Context, a *Append) (uint64, error) { return w.f.append(a) }

func (w *fakeWriter) Send(_ context.Context, a *Append, done func(error)) error {
	w.slots <- struct{}{}
	w.tasks.Go(func() {
		_, err := w.f.append(a)
		w.mu.Lock()
		done(err)
		w.mu.Unlock()
		<-w.slots
	})
	return nil
}

func (w *fakeWriter) Close() error { w.tasks.Wait(); return nil }
