package importing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stet-db/stet/storage"
)

// sender compares chunks with the side file, sends what is missing, and keeps
// the side file. It belongs to the goroutine of [Job.Run].
type sender struct {
	job     *Job
	summary Summary
	// before is the side file as it was found; nil: there was none.
	before *Progress
	// now is the side file to be; saved and cost are when it was last written
	// and how long that took.
	now   Progress
	saved time.Time
	cost  time.Duration
	dirty bool
	// doubtful: the server may have forgotten the request ids of the chunks
	// that come, so they are looked up by event id until one is not found.
	doubtful bool
}

func (s *sender) open() error {
	j := s.job
	s.now = Progress{Version: progressVersion, Source: j.Name, Mapping: j.Mapping, History: j.History.String()}
	if j.SideFile == "" {
		return nil
	}
	before, err := loadProgress(j.SideFile)
	if err != nil {
		return err
	}
	if before != nil {
		if err := before.fits(j.SideFile, j.Name, j.Mapping, j.History); err != nil {
			return err
		}
		s.before = before
		s.doubtful = !before.Complete && j.Now().Sub(before.UpdatedAt) > j.Window/2
		return nil
	}
	// Before anything is sent, so that an unwritable place shows at once.
	s.now.UpdatedAt = j.Now().UTC()
	return s.now.save(j.SideFile)
}

func (s *sender) send(ctx context.Context, chunks <-chan *Chunk) error {
	for {
		c, err := s.take(ctx, chunks)
		if c == nil || err != nil {
			return err
		}
		known, err := s.place(ctx, c)
		if err != nil {
			return err
		}
		s.count(c, known)
		if err := s.note(c); err != nil {
			return err
		}
		if s.job.Report != nil {
			s.job.Report(s.summary)
		}
	}
}

// interruptionFollows is how long the end of a source waits for an
// interruption: Ctrl-C on a pipe ends the program that fills it, too, and what
// was cut off there must not be noted as the whole.
const interruptionFollows = 50 * time.Millisecond

// take waits for the next chunk; nil: there is none.
func (s *sender) take(ctx context.Context, chunks <-chan *Chunk) (*Chunk, error) {
	var c *Chunk
	select {
	case c = <-chunks:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c == nil || !c.complete {
		return c, ctx.Err()
	}
	select {
	case <-time.After(interruptionFollows):
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// place makes sure that the chunk is in the store, once (I5).
func (s *sender) place(ctx context.Context, c *Chunk) (known bool, err error) {
	if s.before != nil && c.Number <= s.before.Chunk {
		if s.before.matches(c) {
			return true, nil
		}
		return false, s.changed(ctx, c)
	}
	if s.before != nil && s.before.Complete {
		return false, s.changed(ctx, c)
	}
	if c.Events == 0 {
		return false, nil
	}
	if s.doubtful {
		first := &c.Entries[0]
		_, known, err := s.job.Store.Find(ctx, first.Stream, first.Events[0].ID)
		if known || err != nil {
			return known, err
		}
		s.doubtful = false
	}
	known, err = s.job.Store.Append(ctx, c)
	var refused *EventError
	switch {
	case errors.Is(err, ErrReused):
		return false, s.changed(ctx, c)
	case errors.As(err, &refused) && refused.Entry < len(c.Entries) && refused.Event < len(c.Entries[refused.Entry].Lines):
		line := c.Entries[refused.Entry].Lines[refused.Event]
		return false, &LineError{Source: s.job.Name, Line: line, Last: line, Err: refused.Err}
	case err != nil:
		return false, &LineError{Source: s.job.Name, Line: c.First, Last: c.Last, Err: err}
	}
	return known, nil
}

func (s *sender) count(c *Chunk, known bool) {
	sum := &s.summary
	if known {
		sum.Known += c.Events
	} else {
		sum.Added += c.Events
	}
	sum.Bad += c.Bad
	sum.Chunks = c.Number
	sum.Line = max(sum.Line, c.Last)
	for _, entry := range c.Entries {
		for i := range entry.Events {
			sum.Types[boundedType(sum.Types, entry.Events[i].Type)]++
		}
	}
}

// boundedType is the name to count a type under.
func boundedType(types map[string]int64, name string) string {
	if _, seen := types[name]; !seen && len(types) >= MaxTypes {
		return ""
	}
	return name
}

// note takes the chunk into the side file, which is written at most every
// quarter of a second and for at most a twentieth of the time: it grows with
// the source, and the request ids protect what it lacks.
func (s *sender) note(c *Chunk) error {
	j := s.job
	now := j.Now()
	s.now.advance(c, j.Taken(), now)
	s.dirty = s.before == nil || c.Number > s.before.Chunk
	if !s.dirty || now.Sub(s.saved) < max(250*time.Millisecond, 20*s.cost) {
		return nil
	}
	return s.save()
}

func (s *sender) save() error {
	if s.job.SideFile == "" {
		return nil
	}
	began := s.job.Now()
	if err := s.now.save(s.job.SideFile); err != nil {
		return err
	}
	s.dirty, s.saved = false, s.job.Now()
	s.cost = s.saved.Sub(began)
	return nil
}

func (s *sender) close() error {
	if !s.dirty {
		return nil
	}
	return s.save()
}

// errChanged is the fault of a source that is not what it was.
var errChanged = errors.New("is not what was imported under this name; give another --name and --progress to import it again, or bring the old content back")

// changed finds the line in which a chunk differs from what is in the store.
func (s *sender) changed(ctx context.Context, c *Chunk) error {
	for _, entry := range c.Entries {
		for i := range entry.Events {
			want := &entry.Events[i]
			got, found, err := s.job.Store.Find(ctx, entry.Stream, want.ID)
			if err != nil {
				return &LineError{Source: s.job.Name, Line: c.First, Last: c.Last, Err: errors.Join(errChanged, fmt.Errorf("look for the line: %w", err))}
			}
			if !found || !sameFact(want, &got) {
				return &LineError{Source: s.job.Name, Line: entry.Lines[i], Last: entry.Lines[i], Err: errChanged}
			}
		}
	}
	at := &LineError{Source: s.job.Name, Line: c.First, Last: c.Last, Err: errChanged}
	switch {
	case c.follower > 0: // all that is here was imported, so the chunk was longer
		at.Line, at.Last = c.follower, c.follower
	case c.complete:
		at.Line = max(c.Last, s.summary.Line)
		at.Last = at.Line
		at.Err = fmt.Errorf("is the last now, but more was imported under this name: the source %w", errChanged)
	}
	return at
}

// sameFact compares what a client says about an event.
func sameFact(a, b *storage.Event) bool {
	return a.ID == b.ID && a.Type == b.Type && a.SchemaVersion == b.SchemaVersion && a.OccurredAt.Equal(b.OccurredAt) &&
		maps.Equal(a.Metadata, b.Metadata) && slices.Equal(a.Tags, b.Tags) &&
		a.Kind == b.Kind && bytes.Equal(a.Payload, b.Payload)
}
