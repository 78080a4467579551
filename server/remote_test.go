package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// remote is a store behind a real server on a real connection, asked through
// the Go client: what [storagetest.OverTheWire] histories ask for goes that way,
// the rest to the store itself. It belongs to one goroutine.
type remote struct {
	storage.Store
	client *client.Client
	clock  *setClock
	stop   func() error

	// lane is the lane of the newest submission. Order is promised within one
	// pipeline only, and the server reads its clock when a request arrives, so
	// everything is answered before lane or time change.
	lane      *storage.Lane
	pipelines map[*storage.Lane]*client.Pipeline
	inFlight  sync.WaitGroup
}

// setClock stands still until it is set. Its clocks run together, so that it is
// never taken for a clock that jumps ahead.
type setClock struct {
	mu             sync.Mutex
	wall, furthest time.Time
}

func (c *setClock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *setClock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.furthest.Sub(time.Unix(0, 0))
}

func (c *setClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = t
	if t.After(c.furthest) {
		c.furthest = t
	}
}

// serveRemote serves the store and connects to it.
func serveRemote(tb testing.TB, store storage.Store) *remote {
	clock := &setClock{}
	clock.set(time.Unix(1000, 0))
	s, err := server.New(store, server.Config{Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0", Clock: clock})
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Listen(context.Background()); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends in stop
	c, err := client.Dial(s.Addr().String(), client.Options{NoRequestIDs: true})
	if err != nil {
		tb.Fatal(err)
	}
	return &remote{
		Store: store, client: c, clock: clock,
		pipelines: map[*storage.Lane]*client.Pipeline{},
		stop:      func() error { cancel(); return <-ended },
	}
}

// Close ends the pipelines, the connection, the server, and the store.
func (r *remote) Close() error {
	r.inFlight.Wait()
	var errs []error
	for _, p := range r.pipelines {
		errs = append(errs, p.Close())
	}
	errs = append(errs, r.client.Close(), r.stop(), r.Store.Close())
	return errors.Join(errs...)
}

func (r *remote) Append(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	r.inFlight.Wait()
	r.clock.set(a.Time.Time())
	if len(a.Entries) > 1 {
		return r.appendAtomic(ctx, a)
	}
	if a.Lane == nil {
		return appendedOf(r.client.Append(ctx, appendFor(a)))
	}
	result, err := r.pipeline(ctx, a.Lane).Append(ctx, appendFor(a))
	if err != nil {
		return storage.Appended{}, err
	}
	return appendedOf(result.Wait(ctx))
}

func (r *remote) Submit(ctx context.Context, a *storage.Append, done func(storage.Appended, error)) error {
	if len(a.Entries) > 1 {
		done(r.Append(ctx, a))
		return nil
	}
	if a.Lane != r.lane || !r.clock.Wall().Equal(a.Time.Time()) {
		r.inFlight.Wait()
		r.lane = a.Lane
		r.clock.set(a.Time.Time())
	}
	result, err := r.pipeline(ctx, a.Lane).Append(ctx, appendFor(a))
	if err != nil {
		return err
	}
	r.inFlight.Go(func() { done(appendedOf(result.Wait(ctx))) })
	return nil
}

// pipeline is the one of a lane; appends without a lane share one.
func (r *remote) pipeline(ctx context.Context, lane *storage.Lane) *client.Pipeline {
	p := r.pipelines[lane]
	if p == nil {
		var err error
		p, err = r.client.Pipeline(ctx, client.PipelineOptions{HaltOnError: lane != nil && lane.HaltOnError})
		if err != nil {
			panic(fmt.Sprintf("open a pipeline: %v", err))
		}
		r.pipelines[lane] = p
	}
	return p
}

func (r *remote) appendAtomic(ctx context.Context, a *storage.Append) (storage.Appended, error) {
	request := client.AtomicAppend{RequestID: a.RequestID}
	for _, e := range a.Entries {
		request.Entries = append(request.Entries, client.Entry{Stream: e.Stream, Expect: expectFor(e.Expectation), Events: eventsFor(e.Events)})
	}
	got, err := r.client.AppendAtomic(ctx, request)
	if err != nil {
		return storage.Appended{}, storedError(err)
	}
	out := storage.Appended{
		First: storage.Position(got.FirstPosition), Last: storage.Position(got.LastPosition),
		RecordedAt: storage.InstantOf(got.RecordedAt), Replayed: got.Replayed,
	}
	for _, e := range got.Entries {
		out.Entries = append(out.Entries, storage.AppendedEntry{First: storage.Version(e.FirstVersion), Last: storage.Version(e.LastVersion)})
		out.IDs = append(out.IDs, idsFor(e.IDs)...)
	}
	return out, nil
}

func appendFor(a *storage.Append) client.Append {
	e := a.Entries[0]
	return client.Append{Stream: e.Stream, Expect: expectFor(e.Expectation), Events: eventsFor(e.Events), RequestID: a.RequestID}
}

func expectFor(e storage.Expectation) client.Expectation {
	if v, exact := e.Exact(); exact {
		return client.ExactVersion(uint64(v))
	}
	if e.IsExists() {
		return client.StreamExists()
	}
	return client.AnyVersion()
}

// eventsFor makes events as a program would from proposed ones.
func eventsFor(events []storage.NewEvent) []client.Event {
	out := make([]client.Event, len(events))
	for i := range events {
		e, err := record.Decode(record.AppendRecorded(nil, "s", 1, 1, 1, &events[i]))
		if err != nil {
			panic(fmt.Sprintf("take a proposed event apart: %v", err))
		}
		out[i] = client.Event{
			ID: e.ID.String(), Type: e.Type, JSON: string(e.Payload), OccurredAt: e.OccurredAt,
			Metadata: e.Metadata, Tags: e.Tags, SchemaVersion: e.SchemaVersion,
		}
	}
	return out
}

func idsFor(ids []string) []storage.EventID {
	out := make([]storage.EventID, len(ids))
	for i, s := range ids {
		id, err := storage.ParseEventID(s)
		if err != nil {
			panic(fmt.Sprintf("id %q of an answer: %v", s, err))
		}
		out[i] = id
	}
	return out
}

func appendedOf(got client.Appended, err error) (storage.Appended, error) {
	if err != nil {
		return storage.Appended{}, storedError(err)
	}
	return storage.Appended{
		First: storage.Position(got.FirstPosition), Last: storage.Position(got.LastPosition),
		RecordedAt: storage.InstantOf(got.RecordedAt), Replayed: got.Replayed,
		Entries: []storage.AppendedEntry{{First: storage.Version(got.FirstVersion), Last: storage.Version(got.LastVersion)}},
		IDs:     idsFor(got.IDs),
	}, nil
}

// storedError is the error of the port that the client's stands for.
func storedError(err error) error {
	var (
		conflict *client.Conflict
		missing  *client.NotFound
		reused   *client.RequestIDReused
		halted   *client.PipelineHalted
	)
	switch {
	case errors.As(err, &conflict):
		out := &storage.ConflictError{Head: storage.Position(conflict.Head)}
		for _, c := range conflict.All {
			expected := storage.ExpectAny()
			if v, exact := c.Expected.Version(); exact {
				expected = storage.ExpectVersion(storage.Version(v))
			} else if c.Expected == client.StreamExists() {
				expected = storage.ExpectExists()
			}
			out.Conflicts = append(out.Conflicts, storage.Conflict{Stream: c.Stream, Expected: expected, Actual: storage.Version(c.Actual)})
		}
		return out
	case errors.As(err, &missing):
		return &storage.StreamNotFoundError{Stream: missing.Stream}
	case errors.As(err, &reused):
		return &storage.RequestMismatchError{RequestID: reused.RequestID}
	case errors.As(err, &halted):
		return storage.ErrPipelineHalted
	}
	return err
}

// Head asks the server.
func (r *remote) Head() storage.Position {
	got, err := r.client.Head(context.Background())
	if err != nil {
		panic(fmt.Sprintf("ask for the head: %v", err))
	}
	return storage.Position(got.GetHead())
}

// cut is a range of the port as the API has it: where to begin, and how many.
func cut(from, until, last uint64, backwards bool) (begin, limit uint64) {
	from = max(from, 1)
	if until == 0 || until > last {
		until = last + 1
	}
	if from >= until {
		return 0, 0
	}
	if backwards {
		return until - 1, until - from
	}
	return from, until - from
}

func (r *remote) ReadAll(ctx context.Context, in storage.AllRange) iter.Seq2[storage.Recorded, error] {
	begin, limit := cut(uint64(in.From), uint64(in.Until), uint64(r.Head()), in.Backwards)
	if limit == 0 {
		begin, limit = uint64(r.Head())+1, 1 // nothing is there, and the server has to say so
		in.Backwards = false
	}
	return recordedOf(r.client.ReadAll(ctx, client.LogRead{From: begin, Limit: limit, Backwards: in.Backwards}))
}

func (r *remote) ReadStream(ctx context.Context, in storage.StreamRange) iter.Seq2[storage.Recorded, error] {
	var version uint64
	if info, err := r.Stream(ctx, in.Stream, in.Head); err == nil {
		version = uint64(info.Version)
		if in.Info != nil {
			*in.Info = info
		}
	}
	begin, limit := cut(uint64(in.From), uint64(in.Until), version, in.Backwards)
	if limit == 0 {
		begin, limit, in.Backwards = version+1, 1, false
	}
	return recordedOf(r.client.ReadStream(ctx, client.StreamRead{Stream: in.Stream, From: begin, Limit: limit, Backwards: in.Backwards}))
}

// recordedOf gives what the client read in the canonical form, which generated
// code writes too.
func recordedOf(events iter.Seq2[*stetv1.RecordedEvent, error]) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		for e, err := range events {
			if err != nil {
				yield(storage.Recorded{}, storedError(err))
				return
			}
			if !yield(recordedOne(e)) {
				return
			}
		}
	}
}

func recordedOne(e *stetv1.RecordedEvent) (storage.Recorded, error) {
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	return storage.Recorded{Position: storage.Position(e.GetPosition()), Wire: bytes.Clone(wire)}, err
}

// Follow subscribes until it has caught up.
func (r *remote) Follow(ctx context.Context, after storage.Position) iter.Seq2[storage.Recorded, error] {
	return func(yield func(storage.Recorded, error) bool) {
		for d, err := range r.client.Subscribe(ctx, client.Subscription{After: uint64(after)}) {
			switch {
			case err != nil:
				yield(storage.Recorded{}, storedError(err))
				return
			case d.Kind == client.KindCaughtUp:
				return
			case d.Kind == client.KindEvent && !yield(recordedOne(d.Event)):
				return
			}
		}
	}
}

func (r *remote) Stream(ctx context.Context, name string, _ storage.Position) (storage.StreamInfo, error) {
	got, err := r.client.GetStream(ctx, name)
	if err != nil {
		return storage.StreamInfo{}, storedError(err)
	}
	return storage.StreamInfo{
		Name: got.GetStream(), Version: storage.Version(got.GetVersion()),
		First: storage.Position(got.GetFirstPosition()), Last: storage.Position(got.GetLastPosition()),
	}, nil
}

func (r *remote) Streams(ctx context.Context, q storage.StreamsQuery) ([]storage.StreamInfo, error) {
	var out []storage.StreamInfo
	for s, err := range r.client.ListStreams(ctx, q.Prefix) {
		if err != nil {
			return nil, storedError(err)
		}
		if s.GetName() > q.After && strings.HasPrefix(s.GetName(), q.Prefix) && len(out) < q.Limit {
			info, err := r.Stream(ctx, s.GetName(), q.Head)
			if err != nil {
				return nil, err
			}
			out = append(out, info)
		}
	}
	return out, nil
}

// PositionAt reads one event from the time on.
func (r *remote) PositionAt(ctx context.Context, t storage.Instant, head storage.Position) (storage.Position, error) {
	for e, err := range r.client.ReadAll(ctx, client.LogRead{FromTime: t.Time(), Limit: 1}) {
		return storage.Position(e.GetPosition()), storedError(err)
	}
	return head + 1, nil
}

// VersionAt reads one event of the stream from the time on.
func (r *remote) VersionAt(ctx context.Context, stream string, t storage.Instant, head storage.Position) (storage.Version, error) {
	for e, err := range r.client.ReadStream(ctx, client.StreamRead{Stream: stream, FromTime: t.Time(), Limit: 1}) {
		return storage.Version(e.GetVersion()), storedError(err)
	}
	info, err := r.Stream(ctx, stream, head)
	return info.Version + 1, err
}
