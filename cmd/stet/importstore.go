package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/storage"
)

// importStore is a server as imports see it.
type importStore struct{ api *client.Client }

// Append is that of [importing.Store].
func (s *importStore) Append(ctx context.Context, c *importing.Chunk) (bool, error) {
	request := client.AtomicAppend{RequestID: c.RequestID, Entries: make([]client.Entry, len(c.Entries))}
	for i := range c.Entries {
		from := &c.Entries[i]
		to := client.Entry{Stream: from.Stream, Expect: client.AnyVersion(), Events: make([]client.Event, len(from.Events))}
		for j := range from.Events {
			to.Events[j] = proposalOf(&from.Events[j])
		}
		request.Entries[i] = to
	}
	answer, err := s.api.AppendAtomic(ctx, request)
	var invalid *client.InvalidRequest
	switch {
	case err == nil:
		return answer.Replayed, nil
	case is[*client.RequestIDReused](err):
		return false, fmt.Errorf("%w: %w", importing.ErrReused, err)
	case errors.As(err, &invalid) && len(invalid.Violations) > 0:
		if place, ok := placeOf(invalid.Violations[0].Field); ok {
			place.Err = err
			return false, place
		}
	}
	return false, err
}

// placeOf is the event that a violation is about. One that the specification
// finds in a request of one stream does not name the entry.
func placeOf(field string) (*importing.EventError, bool) {
	var at importing.EventError
	if _, err := fmt.Sscanf(field, "entries[%d].events[%d]", &at.Entry, &at.Event); err == nil {
		return &at, true
	}
	_, err := fmt.Sscanf(field, "events[%d]", &at.Event)
	return &at, err == nil
}

// Find is that of [importing.Store]. It reads the stream from its end.
func (s *importStore) Find(ctx context.Context, stream string, id storage.EventID) (storage.Event, bool, error) {
	for recorded, err := range s.api.ReadStream(ctx, client.StreamRead{Stream: stream, Backwards: true}) {
		if is[*client.NotFound](err) {
			return storage.Event{}, false, nil
		}
		if err != nil {
			return storage.Event{}, false, err
		}
		if recorded.GetId() != id.String() {
			continue
		}
		e, err := eventOf(recorded)
		return e, err == nil, err
	}
	return storage.Event{}, false, nil
}

func limitsOf(l *stetv1.GetServerInfoResponse_Limits) storage.Limits {
	return storage.Limits{
		EventBytes: int(l.GetEventBytes()), RequestBytes: int(l.GetRequestBytes()),
		RequestEvents: int(l.GetRequestEvents()), RequestEntries: int(l.GetRequestEntries()),
		StreamBytes: int(l.GetStreamBytes()), TypeBytes: int(l.GetTypeBytes()),
		MetadataEntries: int(l.GetMetadataEntries()), MetadataBytes: int(l.GetMetadataBytes()),
		Tags: int(l.GetTags()), TagBytes: int(l.GetTagBytes()), RequestIDBytes: int(l.GetRequestIdBytes()),
		RequestWindowSeconds: int(l.GetRequestWindow().AsDuration() / time.Second),
	}.WithDefaults()
}

const sideSuffix = ".stet-progress"

func baseName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return filepath.Base(path)
}

// sideFile is where progress is noted: where it was before, next to the
// source, or in the working directory when the source's is read-only, which
// holds for the superuser too. Stdin has none unless it is named.
func sideFile(path, wanted string) (string, error) {
	switch {
	case wanted == "none" || wanted == "" && path == "-":
		return "", nil
	case wanted != "":
		return wanted, nil
	}
	beside := path + sideSuffix
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("import: %w", err)
	}
	if dir.Mode().Perm()&0o222 != 0 {
		if probe, err := os.CreateTemp(filepath.Dir(path), baseName(path)+".*.tmp"); err == nil {
			return beside, errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	return baseName(path) + sideSuffix, nil
}

// badLines are the records that an import left out.
type badLines struct {
	file *os.File
	name string
}

// badLine is how such a record is written.
type badLine struct {
	Source string `json:"source"`
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

// openBadLines makes the file anew: a second run meets the same records again.
// It must not be the source, of which nothing would be left.
func openBadLines(path string, source *importing.Source, job *importing.Job) (*badLines, error) {
	if path == "" {
		return &badLines{}, nil
	}
	if info, err := os.Stat(path); err == nil && source.Is(info) {
		return nil, console.Usage("--skip-bad " + path + " is the source itself; name another file")
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	b := &badLines{file: file, name: job.Name}
	job.Bad = b.add
	return b, nil
}

func (b *badLines) add(rec importing.Record) error {
	line, err := json.Marshal(badLine{b.name, rec.Line, rec.Fault.Error(), strings.TrimRight(string(rec.Raw), "\r\n")})
	if err == nil {
		_, err = b.file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write a malformed line aside: %w", err)
	}
	return nil
}

func (b *badLines) close() error {
	if b.file == nil {
		return nil
	}
	info, err := b.file.Stat()
	if err == nil && info.Mode().IsRegular() { // a device or a pipe cannot be synced
		err = b.file.Sync()
	}
	return errors.Join(err, b.file.Close())
}
