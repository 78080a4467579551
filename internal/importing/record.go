package importing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
)

// maxRecordBytes bounds one record of a source. The largest event is smaller,
// also when every byte of it is escaped.
const maxRecordBytes = 24 << 20

// Record is one record of a source: an event, a header, or a fault.
type Record struct {
	// Line is the number of the first line, from 1; Last that of the last.
	Line, Last int64
	// Raw is the record as it stands in the source. It is valid until the next
	// record is read.
	Raw []byte
	// Event is the event. It shares no memory with Raw.
	Event storage.Event
	// Header tells that the record describes the source and is no event.
	Header bool
	// Fault says why the record cannot be imported.
	Fault error
}

// Reader yields the records of a source in order, then io.EOF. Any other error
// means that the source cannot be read on.
type Reader interface {
	// Next is the next record.
	Next() (Record, error)
}

// LineReader reads NDJSON.
type LineReader struct {
	source *bufio.Reader
	line   int64
	raw    []byte
	// Export is the header of an export, once it was read.
	Export *interchange.Header
}

// NewLineReader reads NDJSON from the source.
func NewLineReader(source io.Reader) *LineReader {
	return &LineReader{source: bufio.NewReaderSize(source, 64<<10)}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// Next reads the next line that is not blank.
func (r *LineReader) Next() (Record, error) {
	for {
		raw, err := r.readLine()
		if err != nil {
			return Record{}, err
		}
		text := raw
		if r.line == 1 {
			text = bytes.TrimPrefix(text, byteOrderMark)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 || len(raw) > maxRecordBytes {
			return r.record(raw, text), nil
		}
	}
}

func (r *LineReader) record(raw, text []byte) Record {
	rec := Record{Line: r.line, Last: r.line, Raw: raw}
	if len(raw) > maxRecordBytes {
		rec.Raw, rec.Fault = raw[:1024], fmt.Errorf("is longer than %d bytes", maxRecordBytes)
		return rec
	}
	// A copy, because payloads stay in the memory of the line they came in.
	line, err := interchange.Parse(bytes.Clone(text))
	switch {
	case err != nil:
		rec.Fault = err
	case line.Header != nil && r.Export != nil:
		rec.Fault = errors.New("is a second header of an export")
	case line.Header != nil:
		r.Export, rec.Header = line.Header, true
	default:
		rec.Event = line.Event
	}
	return rec
}

// readLine reads one line with its end. Of a line that is too long it keeps
// only so much that the length shows.
func (r *LineReader) readLine() ([]byte, error) {
	r.raw = r.raw[:0]
	for {
		part, err := r.source.ReadSlice('\n')
		if room := maxRecordBytes + 1 - len(r.raw); room > 0 {
			r.raw = append(r.raw, part[:min(len(part), room)]...)
		}
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(r.raw) > 0:
			r.line++
			return r.raw, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
