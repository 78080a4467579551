package interchange

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/storage"
)

// Line is one line taken apart: a header or an event.
type Line struct {
	// Header is set when the line is the header of an export.
	Header *Header
	// Event otherwise. Its payload is a part of the parsed line and shares its
	// memory.
	Event storage.Event
}

// Parse takes a line apart. It checks the form of every field, not the bounds
// that a server sets; see package record for those. Faults of fields are a
// [storage.InvalidError].
func Parse(line []byte) (Line, error) {
	if err := strictjson.Check(line, storage.JSONDepth+1); err != nil {
		return Line{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if bytes.TrimLeft(line, " \t\r\n")[0] != '{' {
		return Line{}, errors.New("not a JSON object: want {\"stream\":...,\"type\":...,\"json\":...}")
	}
	p := parser{walk: walk{text: line}}
	return p.line()
}

// parser gathers the fields of one line.
type parser struct {
	walk
	event    eventFields
	header   headerFields
	isHeader bool
	faults   []storage.Violation
}

func (p *parser) line() (Line, error) {
	for name, raw := range p.members() {
		if name == "stet_export" {
			p.isHeader = true
		}
		known, err := p.event.set(name, raw)
		if !known {
			known, err = p.header.set(name, raw)
		}
		switch {
		case !known:
			p.faults = append(p.faults, storage.Violation{Field: name, Problem: "is unknown; the fields are " + eventFieldNames})
		case err != nil:
			p.faults = append(p.faults, storage.Violation{Field: name, Problem: err.Error()})
		}
	}
	if err := storage.Invalid(p.faults...); err != nil {
		return Line{}, err
	}
	if p.isHeader {
		h, err := p.header.finish()
		return Line{Header: h}, err
	}
	if p.header.history || p.header.head {
		return Line{}, errors.New("has history_id or head, which only an export's first line has, together with stet_export")
	}
	e, err := p.event.finish()
	return Line{Event: e}, err
}

const eventFieldNames = "stream, type, json or json_text or binary, id, occurred_at, schema_version, metadata, tags; " +
	"version, position and recorded_at in an export"

// eventFields gathers the fields of an event.
type eventFields struct {
	storage.Event
	payloads int
}

// set takes one field. Null means that it is missing, except for json.
func (e *eventFields) set(name string, raw []byte) (known bool, err error) {
	if string(raw) == "null" && name != "json" && eventFieldKnown[name] {
		return true, nil
	}
	switch name {
	case "stream":
		e.Stream, err = text(raw)
	case "type":
		e.Type, err = text(raw)
	case "id":
		err = e.setID(raw)
	case "occurred_at":
		e.OccurredAt, err = timestamp(raw)
	case "recorded_at":
		var t time.Time
		t, err = timestamp(raw)
		if err == nil && t.Nanosecond()%1000 != 0 {
			err = errors.New("is not in whole microseconds")
		}
		e.RecordedAt = storage.InstantOf(t)
	case "metadata":
		e.Metadata, err = stringMap(raw)
	case "tags":
		e.Tags, err = stringList(raw)
	case "version", "position", "schema_version":
		err = e.setNumber(name, raw)
	case "json", "json_text", "binary":
		e.payloads++
		err = e.setPayload(name, raw)
	default:
		return false, nil
	}
	return true, err
}

var eventFieldKnown = map[string]bool{
	"stream": true, "type": true, "id": true, "occurred_at": true, "recorded_at": true, "metadata": true, "tags": true,
	"version": true, "position": true, "schema_version": true, "json_text": true, "binary": true,
}

func (e *eventFields) setID(raw []byte) error {
	s, err := text(raw)
	if err == nil {
		e.ID, err = storage.ParseEventID(s)
	}
	return err
}

func (e *eventFields) setNumber(name string, raw []byte) error {
	n, err := number(raw)
	switch name {
	case "version":
		e.Version = storage.Version(n)
	case "position":
		e.Position = storage.Position(n)
	default:
		e.SchemaVersion = uint32(n)
		if n > 1<<32-1 {
			err = fmt.Errorf("is %d; at most %d is allowed", n, uint32(1<<32-1))
		}
	}
	return err
}

func (e *eventFields) setPayload(name string, raw []byte) error {
	e.Kind = storage.PayloadJSON
	if name == "json" {
		e.Payload = raw
		return nil
	}
	s, err := text(raw)
	if err != nil {
		return err
	}
	if name == "json_text" {
		e.Payload = []byte(s)
		if err := strictjson.Check(e.Payload, storage.JSONDepth); err != nil {
			return fmt.Errorf("is refused: %w", err)
		}
		return nil
	}
	e.Kind = storage.PayloadBinary
	if e.Payload, err = base64.StdEncoding.Strict().DecodeString(s); err != nil {
		return fmt.Errorf("is not base64: %w", err)
	}
	return nil
}

func (e *eventFields) finish() (storage.Event, error) {
	var faults []storage.Violation
	if e.Stream == "" {
		faults = append(faults, storage.Violation{Field: "stream", Problem: "is missing"})
	}
	if e.Type == "" {
		faults = append(faults, storage.Violation{Field: "type", Problem: "is missing"})
	}
	if e.payloads > 1 {
		faults = append(faults, storage.Violation{Field: "json", Problem: "is given together with json_text or binary; give one of them"})
	}
	if e.payloads == 0 {
		e.Kind, e.Payload = storage.PayloadJSON, []byte("{}")
	}
	return e.Event, storage.Invalid(faults...)
}
