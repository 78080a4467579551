package importing

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// Restorer takes the events of a log in order, with everything the server gave
// them.
type Restorer interface {
	// Add takes the next event of the log.
	Add(stream string, v storage.Version, p storage.Position, at storage.Instant, e storage.NewEvent) error
}

// Restore passes a complete export on to an engine, event by event. begin is
// called once, with the export's header, and gives who takes the events. The
// export must have every event from position 1 to the head, with versions
// without gaps and times that never fall (I2, I12); anything else is a
// [LineError] at the first line that does not fit. The reader yields the
// export's lines; name is what errors call it.
func Restore(ctx context.Context, name string, reader *LineReader, begin func(interchange.Header) (Restorer, error), report func(Summary)) (Summary, error) {
	r := restoring{begin: begin, versions: map[string]storage.Version{}, summary: Summary{Types: map[string]int64{}}}
	for {
		rec, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return r.summary, fmt.Errorf("%s after line %d: %w", name, r.summary.Line, err)
		}
		if err := r.take(&rec, reader.Export); err != nil {
			return r.summary, &LineError{Source: name, Line: rec.Line, Last: rec.Last, Err: err}
		}
		r.summary.Line = rec.Last
		if report != nil && r.summary.Added%chunkEvents == 0 {
			report(r.summary)
		}
	}
	if reader.Export == nil {
		return r.summary, fmt.Errorf("%s: %w", name, errNoHeader)
	}
	if r.position != reader.Export.Head {
		return r.summary, fmt.Errorf("%s ends at position %d, but its header says %d: it is not complete", name, r.position, reader.Export.Head)
	}
	return r.summary, nil
}

var errNoHeader = errors.New("is not a complete export: its first line must be the header that stet export writes")

// restoring is where a restoration stands.
type restoring struct {
	begin    func(interchange.Header) (Restorer, error)
	into     Restorer
	position storage.Position
	at       storage.Instant
	versions map[string]storage.Version
	summary  Summary
}

func (r *restoring) take(rec *Record, header *interchange.Header) error {
	switch {
	case rec.Fault != nil:
		return rec.Fault
	case header == nil:
		return errNoHeader
	case header.Filtered:
		return errors.New("the export was made with a filter, so events may be missing; export without one")
	case rec.Header:
		into, err := r.begin(*header)
		r.into = into
		return err
	}
	e := &rec.Event
	switch want := r.versions[e.Stream] + 1; {
	case e.Position != r.position+1:
		return fmt.Errorf("has position %d; want %d", e.Position, r.position+1)
	case e.Position > header.Head:
		return fmt.Errorf("has position %d, above the header's head %d", e.Position, header.Head)
	case e.Version != want:
		return fmt.Errorf("has version %d of stream %q; want %d", e.Version, e.Stream, want)
	case r.position > 0 && e.RecordedAt < r.at:
		return fmt.Errorf("was recorded at %v, before the event above it", e.RecordedAt.Time())
	case e.ID.IsZero():
		return errors.New("has no id")
	}
	event, faults := record.NewEventOf(e, widest)
	if problem := storage.StreamNameProblem(e.Stream, widest); problem != "" {
		faults = append(faults, storage.Violation{Field: "stream", Problem: problem})
	}
	if err := storage.Invalid(faults...); err != nil {
		return err
	}
	if err := r.into.Add(e.Stream, e.Version, e.Position, e.RecordedAt, event); err != nil {
		return err
	}
	r.position, r.at, r.versions[e.Stream] = e.Position, e.RecordedAt, e.Version
	r.summary.Added++
	r.summary.Types[boundedType(r.summary.Types, e.Type)]++
	return nil
}

// widest are the highest bounds that any server can have: what was accepted
// once is not judged again by other bounds.
var widest = storage.Limits{EventBytes: 3 << 20, MetadataEntries: 1024, MetadataBytes: 1 << 20, Tags: 256}.WithDefaults()
