package importing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
)

// Mapping says how a row of a CSV file becomes an event. Stream, Type, Tags,
// Time, JSON and the values of Meta are templates over the row's columns.
//
// Its JSON form is part of what an import is recognised by (see
// [MappingDigest]): a new field must be left out of it when it is zero.
type Mapping struct {
	// Comma separates the fields; zero: a comma.
	Comma rune
	// Stream and Type are required.
	Stream, Type string
	// Tags that are empty, or have nothing after their first colon, are left
	// out.
	Tags []string
	// Time makes occurred_at; empty, or empty for a row: none.
	Time string
	// TimeZone is for times that do not say theirs; empty: UTC.
	TimeZone string
	// TimeLayout is a layout of package time, or "unix" or "unix-ms"; empty:
	// RFC 3339 and its forms with a blank, without zone, seconds or time of
	// day.
	TimeLayout string
	// Numbers are the columns that become JSON numbers in the default payload.
	Numbers []string
	// Meta are metadata entries, key=template. Empty values are left out.
	Meta []string
	// JSON makes the payload; empty: the row as an object.
	JSON string
}

func (m Mapping) withDefaults() Mapping {
	if m.Comma == 0 {
		m.Comma = ','
	}
	return m
}

// rowMapping is a mapping compiled for the columns of one source. It is used
// by one goroutine.
type rowMapping struct {
	columns  []string
	numbers  []bool
	keys     [][]byte // the columns as JSON member names with their colon
	stream   *rowTemplate
	typ      *rowTemplate
	tags     []*rowTemplate
	time     *rowTemplate
	clock    *clockReader
	metaKeys []string
	meta     []*rowTemplate
	json     *rowTemplate
	current  *row
}

// row is the row at hand.
type row struct {
	columns []string
	fields  []string
	line    int64
	named   map[string]string
	fresh   bool
}

// byName is the row as templates see it.
func (r *row) byName() map[string]string {
	if !r.fresh {
		for i, c := range r.columns {
			r.named[c] = r.fields[i]
		}
		r.fresh = true
	}
	return r.named
}

func (r *row) column(name string) (string, error) {
	i := slices.Index(r.columns, name)
	if i < 0 {
		return "", fmt.Errorf("there is no column %q; the columns are %s", name, strings.Join(r.columns, ", "))
	}
	return r.fields[i], nil
}

// compile reports every fault of the mapping at once.
func (m Mapping) compile(columns []string) (*rowMapping, error) {
	out := &rowMapping{
		columns: columns, numbers: make([]bool, len(columns)),
		current: &row{columns: columns, named: make(map[string]string, len(columns))},
	}
	var faults []error
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			faults = append(faults, fmt.Errorf("two columns are named %q", c))
		}
		out.keys = append(out.keys, append(interchange.AppendString(nil, c), ':'))
	}
	functions := out.functions()
	compile := func(flag, text string) *rowTemplate {
		t, err := compileTemplate(flag, text, columns, functions)
		if err != nil {
			faults = append(faults, err)
		}
		return t
	}
	if m.Stream == "" || m.Type == "" {
		faults = append(faults, errors.New("--stream and --type are needed to import CSV"))
	}
	out.stream, out.typ = compile("--stream", m.Stream), compile("--type", m.Type)
	for _, tag := range m.Tags {
		out.tags = append(out.tags, compile("--tag", tag))
	}
	for _, entry := range m.Meta {
		key, value, found := strings.Cut(entry, "=")
		if !found || key == "" || slices.Contains(out.metaKeys, key) {
			faults = append(faults, fmt.Errorf("--meta %q: want key=template, each key once", entry))
		}
		out.metaKeys, out.meta = append(out.metaKeys, key), append(out.meta, compile("--meta "+key, value))
	}
	for _, name := range m.Numbers {
		if i := slices.Index(columns, name); i >= 0 {
			out.numbers[i] = true
			continue
		}
		faults = append(faults, fmt.Errorf("--number: there is no column %q; the columns are %s", name, strings.Join(columns, ", ")))
	}
	if m.JSON != "" {
		out.json = compile("--json", m.JSON)
	}
	if m.Time != "" {
		out.time = compile("--time", m.Time)
	}
	clock, err := newClockReader(m.TimeLayout, m.TimeZone)
	if err != nil {
		faults = append(faults, err)
	}
	out.clock = clock
	return out, errors.Join(faults...)
}

// event maps one row.
func (m *rowMapping) event(line int64, fields []string) (e storage.Event, err error) {
	r := m.current
	r.fields, r.line, r.fresh = fields, line, false
	if e.Stream, err = m.stream.execute(r); err != nil {
		return e, err
	}
	if e.Type, err = m.typ.execute(r); err != nil {
		return e, err
	}
	if err := m.setTags(&e); err != nil {
		return e, err
	}
	if err := m.setMetadata(&e); err != nil {
		return e, err
	}
	if e.OccurredAt, err = m.occurredAt(); err != nil {
		return e, err
	}
	e.Kind = storage.PayloadJSON
	payload, err := m.payload()
	e.Payload = []byte(payload)
	return e, err
}

func (m *rowMapping) setTags(e *storage.Event) error {
	for _, t := range m.tags {
		tag, err := t.execute(m.current)
		if err != nil {
			return err
		}
		if _, value, colon := strings.Cut(tag, ":"); tag != "" && (!colon || value != "") {
			e.Tags = append(e.Tags, tag)
		}
	}
	return nil
}

func (m *rowMapping) setMetadata(e *storage.Event) error {
	for i, t := range m.meta {
		value, err := t.execute(m.current)
		if err != nil {
			return err
		}
		if value == "" {
			continue
		}
		if e.Metadata == nil {
			e.Metadata = make(map[string]string, len(m.meta))
		}
		e.Metadata[m.metaKeys[i]] = value
	}
	return nil
}

func (m *rowMapping) occurredAt() (time.Time, error) {
	if m.time == nil {
		return time.Time{}, nil
	}
	text, err := m.time.execute(m.current)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := m.clock.read(text)
	if err == nil && at.IsZero() { // the very first time, as the API refuses it
		err = fmt.Errorf("%q stands for no time; leave it out", text)
	}
	return at, err
}

func (m *rowMapping) payload() (string, error) {
	if m.json == nil {
		return m.rowJSON()
	}
	return m.json.execute(m.current)
}

// rowJSON is the row as a JSON object, columns in the order of the header.
// Number columns keep the digits they were given with; an empty cell is null.
func (m *rowMapping) rowJSON() (string, error) {
	out := append(make([]byte, 0, 256), '{')
	for i, field := range m.current.fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, m.keys[i]...)
		switch {
		case !m.numbers[i]:
			out = interchange.AppendString(out, field)
		case field == "":
			out = append(out, "null"...)
		case isNumber(field):
			out = append(out, field...)
		default:
			return "", fmt.Errorf("column %q is %q, not a number as JSON writes them", m.columns[i], field)
		}
	}
	return string(append(out, '}')), nil
}
