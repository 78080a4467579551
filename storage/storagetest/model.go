package storagetest

import (
	"context"
	"slices"
	"sync"

	"github.com/stet-db/stet/storage"
)

// ModelOptions change what a [Model] can be made to show. The zero value is
// useful.
type ModelOptions struct {
	// TailGroups is the most groups that Tail keeps; default 64. 1 makes
	// readers fall behind at once.
	TailGroups int
	// QueueLimit bounds the appends waiting to be judged; default 4096. Only
	// with [Model.Hold] does it ever fill.
	QueueLimit int
	// RequestIDLimit bounds the remembered request ids; default 1,000,000.
	RequestIDLimit uint64
	// Refuse, if set, is asked before an append is judged; an error refuses the
	// append with it. It shows callers the errors that only engines have.
	Refuse func(*storage.Append) error
}

func (o ModelOptions) withDefaults() ModelOptions {
	if o.TailGroups == 0 {
		o.TailGroups = 64
	}
	if o.QueueLimit == 0 {
		o.QueueLimit = 4096
	}
	if o.RequestIDLimit == 0 {
		o.RequestIDLimit = 1_000_000
	}
	return o
}

// Model is the reference for [storage.Store]: everything in memory, under one
// mutex, in slices. What it holds counts as durable at once.
//
// Appends are judged one at a time by a goroutine that runs while some are
// waiting, so a Model without unanswered appends holds no goroutine.
type Model struct {
	options ModelOptions
	history storage.HistoryID

	mu sync.Mutex // guards all below

	log      []loggedEvent // the event at position p is log[p-1]
	streams  map[string][]storage.Position
	requests map[string]rememberedRequest
	groups   []storage.Group // the newest, oldest first
	// snapshots are what a reopened model has forgotten.
	snapshots map[string]map[storage.Version]storage.Snapshot

	queue   []submission
	writing bool // writeLoop runs
	held    bool
	closed  bool
	changed chan struct{} // closed and replaced at each change of what is above
	stats   storage.Stats
}

// loggedEvent is one event. Its bytes are never written to again.
type loggedEvent struct {
	at   storage.Instant
	id   storage.EventID
	wire []byte
}

// rememberedRequest is an accepted request with a request id.
type rememberedRequest struct {
	first   storage.Position
	count   int
	content [16]byte
	expiry  storage.Instant
}

// submission is an append that waits to be judged.
type submission struct {
	append *storage.Append
	done   func(storage.Appended, error)
}

var _ storage.Store = (*Model)(nil)

// NewModel makes an empty model.
func NewModel() *Model { return NewModelWith(ModelOptions{}) }

// NewModelWith makes an empty model with options.
func NewModelWith(o ModelOptions) *Model {
	return &Model{
		options:   o.withDefaults(),
		history:   storage.NewHistoryID(),
		streams:   map[string][]storage.Position{},
		requests:  map[string]rememberedRequest{},
		snapshots: map[string]map[storage.Version]storage.Snapshot{},
		changed:   make(chan struct{}),
	}
}

// Reopen is a new model that holds what the closed model m held, as an engine
// opened again on its directory does.
func (m *Model) Reopen() *Model {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		panic("storagetest: reopened a model that is not closed")
	}
	n := NewModelWith(m.options)
	n.history = m.history
	n.log, n.streams, n.requests = m.log, m.streams, m.requests
	return n
}

// Hold makes the model judge nothing until release is called or it is closed.
// Appends queue up meanwhile.
func (m *Model) Hold() (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.releaseLocked()
	}
}

// Append fulfils [storage.Store].
func (m *Model) Append(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	type outcome struct {
		appended storage.Appended
		err      error
	}
	answer := make(chan outcome, 1)
	err := m.enqueue(ctx, storage.ErrQueueFull, submission{a, func(appended storage.Appended, err error) {
		answer <- outcome{appended, err}
	}})
	if err != nil {
		return storage.Appended{}, err
	}
	select {
	case o := <-answer:
		return o.appended, o.err
	case <-ctx.Done():
		return storage.Appended{}, ctx.Err()
	}
}

// Submit fulfils [storage.Store].
func (m *Model) Submit(ctx context.Context, a *storage.Append, done func(storage.Appended, error)) error {
	return m.enqueue(ctx, nil, submission{a, done})
}

// enqueue puts s in the queue. When there is no room it fails with full, or
// waits when full is nil.
func (m *Model) enqueue(ctx context.Context, full error, s submission) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case m.closed:
			return storage.ErrShuttingDown
		case len(m.queue) < m.options.QueueLimit:
			m.queue = append(m.queue, s)
			m.startLocked()
			return nil
		case full != nil:
			return full
		}
		if err := m.awaitChangeLocked(ctx); err != nil {
			return err
		}
	}
}

// startLocked makes sure that what is queued gets judged.
func (m *Model) startLocked() {
	if m.writing || m.held || len(m.queue) == 0 {
		return
	}
	m.writing = true
	go m.writeLoop() // ends when the queue is empty; Close waits for that
}

// writeLoop judges what is queued and answers, in order.
func (m *Model) writeLoop() {
	for {
		m.mu.Lock()
		if len(m.queue) == 0 || m.held {
			m.writing = false
			m.changeLocked()
			m.mu.Unlock()
			return
		}
		s := m.queue[0]
		m.queue = slices.Delete(m.queue, 0, 1)
		appended, err := m.judgeLocked(s.append)
		m.changeLocked()
		m.mu.Unlock()
		s.done(appended, err)
	}
}

func (m *Model) releaseLocked() {
	m.held = false
	m.startLocked()
}

// changeLocked wakes all who wait for a change.
func (m *Model) changeLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// awaitChangeLocked gives up the mutex until something changes or ctx ends.
func (m *Model) awaitChangeLocked(ctx context.Context) error {
	changed := m.changed
	m.mu.Unlock()
	defer m.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close fulfils [storage.Store].
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.releaseLocked()
	m.changeLocked()
	for m.writing {
		if err := m.awaitChangeLocked(context.Background()); err != nil {
			return err
		}
	}
	return nil
}
