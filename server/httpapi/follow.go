package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// followOne answers GET /{type}/{id}/stream, by versions.
func (c *call) followOne() error {
	full := c.q.detailed()
	start, err := c.start()
	if err != nil {
		return err
	}
	t, err := c.declared(c.typ)
	if err != nil {
		return err
	}
	stream := t.Stream(c.id)
	if stored, problem := t.CheckID(c.id); problem == "" {
		stream = t.Stream(stored)
	}
	if problem := storage.StreamNameProblem(stream, c.api.o.Limits); problem != "" {
		return unprocessable(aggregate.CodeInvalidID, "id", problem)
	}
	f := follower{call: c, full: full, cursorOf: func(e *storage.Event) uint64 { return uint64(e.Version) }}
	return f.run(cursor.Selection{Stream: stream}, start)
}

// declared is a type of the specification.
func (c *call) declared(name string) (*spec.Type, error) {
	if s, _ := c.api.o.Aggregates.Spec(); s != nil {
		if t, ok := s.Type(name); ok {
			return t, nil
		}
	}
	return nil, &aggregate.Refusal{
		Kind: aggregate.Missing, Code: aggregate.CodeUnknownType,
		Problem: fmt.Sprintf("the specification has no aggregate type %.64q", name),
	}
}

// followAll answers GET /_/stream, by positions.
func (c *call) followAll() error {
	full := c.q.detailed()
	start, err := c.start()
	if err != nil {
		return err
	}
	var filter storage.Filter
	item := storage.FilterItem{Categories: c.q.values["type"], Types: c.q.values["event"], AllTags: c.q.values["tag"], CorrelationIDs: c.q.values["correlation_id"]}
	if len(item.Categories)+len(item.Types)+len(item.AllTags)+len(item.CorrelationIDs) > 0 {
		filter.AnyOf = []storage.FilterItem{item}
	}
	if faults := filter.Validate("", c.api.o.Limits); len(faults) > 0 {
		return malformed("", "type, event, tag, correlation_id: one of them "+faults[0].Problem)
	}
	for _, name := range item.Categories {
		if _, err := c.declared(name); err != nil {
			return err // nothing would ever come
		}
	}
	f := follower{call: c, full: full, declaredOnly: true, cursorOf: func(e *storage.Event) uint64 { return uint64(e.Position) }}
	return f.run(cursor.Selection{Filter: filter}, start)
}

// start is where the client says that it is. A browser that connects again sends
// the old address with the header, so the header counts.
func (c *call) start() (cursor.Start, error) {
	said, there := c.q.text("after")
	name := "after"
	if header := c.r.Header.Get("Last-Event-ID"); header != "" {
		said, there, name = header, true, "Last-Event-ID"
	}
	if c.q.err != nil || !there {
		return cursor.Beginning(), c.q.err
	}
	if said == "now" && name == "after" {
		return cursor.Now(), nil
	}
	n, err := strconv.ParseUint(said, 10, 64)
	if err != nil {
		return cursor.Start{}, malformed(name, fmt.Sprintf("is %.64q; want the id of the last event seen, or after=now", said))
	}
	return cursor.After(n), nil
}

// follower sends the events that a cursor brings. It belongs to one request.
type follower struct {
	*call
	full bool
	// declaredOnly leaves out events of categories without a specification.
	declaredOnly bool
	// cursorOf is where to go on after an event.
	cursorOf func(*storage.Event) uint64

	control *http.ResponseController
	buffer  bytes.Buffer
	// last is the event named last: the next of its stream is named without
	// asking the store.
	last   replay.StreamID
	stream string
	at     storage.Version
}

// run opens the stream and sends until the client, the store or the server ends
// it. Once it has begun, errors can only end it; the client connects again.
func (f *follower) run(selection cursor.Selection, start cursor.Start) error {
	select {
	case f.api.streams <- struct{}{}:
		defer func() { <-f.api.streams }()
	default:
		f.api.refused.Add(1)
		return &failure{status: http.StatusTooManyRequests, code: CodeTooManyStreams, retry: true, problem: fmt.Sprintf(
			"%d streams are open, which is the most; try again later", cap(f.api.streams))}
	}
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	stop := context.AfterFunc(f.api.streaming, cancel)
	defer stop()
	c, err := cursor.Open(ctx, f.api.o.Store, selection, start)
	if err != nil {
		return err
	}
	if err = f.begin(); err == nil {
		err = f.follow(ctx, c)
	}
	if ctx.Err() == nil && !errors.Is(err, errClientGone) && !errors.Is(err, storage.ErrShuttingDown) {
		f.api.o.Logger.Error("a stream ended by an error", "request_id", f.name, "route", f.label, "error", err)
	}
	return nil
}

// begin sends the head of the answer and when to come again.
func (f *follower) begin() error {
	f.control = http.NewResponseController(f.w)
	h := f.w.Header()
	h.Set("Content-Type", contentTypeStream)
	h.Set("X-Accel-Buffering", "no") // proxies must not wait for more
	f.code = http.StatusOK
	f.w.WriteHeader(f.code)
	f.buffer.WriteString("retry: 2000\n\n")
	return f.flush()
}

// errClientGone: the client has left, or reads nothing.
var errClientGone = errors.New("the client does not read")

// flush sends what is in the buffer, within its time.
func (f *follower) flush() error {
	err := f.control.SetWriteDeadline(time.Now().Add(f.api.o.WriteTimeout))
	if err == nil {
		_, err = f.w.Write(f.buffer.Bytes())
	}
	f.buffer.Reset()
	if err == nil {
		err = f.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	return nil
}

// follow sends what comes, and a sign of life when nothing does. A stream of some
// events also tells how far it has looked, so that less is to be looked at again.
func (f *follower) follow(ctx context.Context, c *cursor.Cursor) error {
	for {
		tick, stop := context.WithTimeout(ctx, f.api.o.Heartbeat)
		err := f.forward(tick, c)
		stop()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		f.progress(c.Place())
		if err := f.flush(); err != nil {
			return err
		}
	}
}

func (f *follower) progress(s cursor.Step) {
	// Without data no event reaches the page; the id is remembered all the same.
	fmt.Fprintf(&f.buffer, ": alive\nid: %d\n\n", s.Cursor)
}

func (f *follower) forward(ctx context.Context, c *cursor.Cursor) error {
	for {
		step, err := c.Next(ctx)
		if err != nil {
			return err
		}
		if step.Kind == cursor.Progress {
			f.progress(step)
		}
		for wire := range record.Frames(step.Frames) {
			if err := f.event(ctx, wire); err != nil {
				return err
			}
		}
		if f.buffer.Len() == 0 {
			continue
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
}

// event puts one event into the buffer.
func (f *follower) event(ctx context.Context, wire []byte) error {
	e, err := record.Decode(wire)
	if err != nil {
		return err
	}
	if f.declaredOnly {
		if _, err := f.declared(storage.CategoryOf(e.Stream)); err != nil {
			return nil //nolint:nilerr // passing over it is the answer
		}
	}
	v := aggregate.ViewOf(&e)
	if v.StreamID, err = f.streamID(ctx, &e); err != nil {
		return err
	}
	var t text
	t.view(&v, f.full)
	fmt.Fprintf(&f.buffer, "id: %d\ndata: ", f.cursorOf(&e))
	if bytes.ContainsAny(t.b, "\r\n") {
		err = json.Compact(&f.buffer, t.b) // a line's end would end the event
	} else {
		f.buffer.Write(t.b)
	}
	f.buffer.WriteString("\n\n")
	return err
}

func (f *follower) streamID(ctx context.Context, e *storage.Event) (replay.StreamID, error) {
	var err error
	millis := replay.Millis(e.RecordedAt)
	switch {
	case e.Stream != f.stream || e.Version != f.at+1:
		f.last, err = f.api.o.Aggregates.StreamID(ctx, e.Stream, e.Version, e.RecordedAt)
	case millis == f.last.Millis:
		f.last.Place++
	default:
		f.last = replay.StreamID{Millis: millis}
	}
	f.stream, f.at = e.Stream, e.Version
	return f.last, err
}
