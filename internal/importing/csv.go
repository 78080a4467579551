package importing

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// CSVReader reads CSV (RFC 4180) whose first record names the columns, and
// maps each row to an event.
type CSVReader struct {
	captured *capture
	rows     *csv.Reader
	mapping  *rowMapping
	header   Record
	started  bool
}

// NewCSVReader reads the header and compiles the mapping against it.
func NewCSVReader(source io.Reader, m Mapping) (*CSVReader, error) {
	m = m.withDefaults()
	captured := &capture{next: source}
	rows := csv.NewReader(bufio.NewReaderSize(captured, 64<<10))
	rows.Comma, rows.ReuseRecord = m.Comma, true
	columns, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the source is empty; its first line must name the columns")
	}
	if err != nil {
		return nil, fmt.Errorf("the line that names the columns: %w", err)
	}
	columns = append([]string(nil), columns...)
	columns[0] = strings.TrimPrefix(columns[0], string(byteOrderMark))
	mapping, err := m.compile(columns)
	if err != nil {
		return nil, err
	}
	last, _ := rows.FieldPos(len(columns) - 1) // lines inside a quoted name are of no use to anyone
	header := Record{Line: 1, Last: int64(last), Raw: captured.take(rows.InputOffset()), Header: true}
	return &CSVReader{captured: captured, rows: rows, mapping: mapping, header: header}, nil
}

// Next reads the next row; the header first.
func (r *CSVReader) Next() (Record, error) {
	if !r.started {
		r.started = true
		return r.header, nil
	}
	before := r.captured.line
	fields, err := r.rows.Read()
	var fault *csv.ParseError
	switch {
	case err == nil:
	case errors.As(err, &fault):
		raw := r.captured.take(r.rows.InputOffset())
		return Record{Line: int64(fault.StartLine), Last: max(before+1, r.captured.last(raw)), Raw: raw, Fault: faultOf(fault, len(r.mapping.columns), len(fields))}, nil
	default:
		return Record{}, err
	}
	line, _ := r.rows.FieldPos(0)
	raw := r.captured.take(r.rows.InputOffset())
	rec := Record{Line: int64(line), Last: max(before+1, r.captured.last(raw)), Raw: raw}
	if !utf8.Valid(raw) {
		rec.Fault = errors.New("is not valid UTF-8; convert the source first, for example with iconv -t UTF-8")
		return rec, nil
	}
	rec.Event, rec.Fault = r.mapping.event(rec.Line, fields)
	return rec, nil
}

func faultOf(e *csv.ParseError, want, got int) error {
	if errors.Is(e.Err, csv.ErrFieldCount) {
		return fmt.Errorf("has %d fields; the header names %d", got, want)
	}
	return fmt.Errorf("is not CSV: %w (line %d, column %d)", e.Err, e.Line, e.Column)
}

// capture keeps the bytes that were read since the last take, so that a record
// can be shown as it stands in the source.
type capture struct {
	next io.Reader
	// kept begins at offset base of the source.
	kept []byte
	base int64
	// taken is how much of kept was taken, line how many line ends that and
	// everything before had.
	taken int
	line  int64
}

// Read refuses to go on when one record does not end: an open quote would
// otherwise swallow the rest of any file.
func (c *capture) Read(p []byte) (int, error) {
	c.kept = append(c.kept[:0], c.kept[c.taken:]...)
	c.base += int64(c.taken)
	c.taken = 0
	if len(c.kept) > maxRecordBytes {
		return 0, fmt.Errorf("the record that begins after line %d does not end within %d bytes: is a quote left open?", c.line, maxRecordBytes)
	}
	n, err := c.next.Read(p)
	c.kept = append(c.kept, p[:n]...)
	return n, err
}

// take gives what was read up to the offset and not yet taken. It is valid
// until the next Read.
func (c *capture) take(upTo int64) []byte {
	out := c.kept[c.taken : upTo-c.base]
	c.taken += len(out)
	for _, b := range out {
		if b == '\n' {
			c.line++
		}
	}
	return out
}

// last is the number of the line on which what was just taken ends: the last
// record of a source may have no line end.
func (c *capture) last(taken []byte) int64 {
	if len(taken) > 0 && taken[len(taken)-1] != '\n' {
		return c.line + 1
	}
	return c.line
}
