package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// The field numbers of AppendRequest; AppendAtomicRequest.Entry has the first
// three of them.
const (
	fieldStream      protowire.Number = 1
	fieldExpectation protowire.Number = 2
	fieldEvents      protowire.Number = 3
	fieldRequestID   protowire.Number = 4
)

// The field numbers of the other messages.
const (
	fieldEntries         protowire.Number = 1 // AppendAtomicRequest
	fieldAtomicRequestID protowire.Number = 2
	fieldTicket          protowire.Number = 1 // AppendPipelineRequest
	fieldAppend          protowire.Number = 2
	fieldHaltOnError     protowire.Number = 3
	fieldState           protowire.Number = 1 // Expectation
	fieldVersion         protowire.Number = 2
)

// decoder walks one request. What it makes lies in the bytes it walks.
type decoder struct {
	limits *storage.Limits
	out    *Proposal
	// events counts those of all entries.
	events int
}

func (d *decoder) fault(path, problem string) {
	if !d.full() {
		d.out.Violations = append(d.out.Violations, storage.Violation{Field: path, Problem: problem})
		d.out.Incomplete = d.out.Incomplete || d.full()
	}
}

// end notes a fault after which nothing below the place can be read.
func (d *decoder) end(path, problem string) {
	d.out.Incomplete = true
	d.fault(path, problem)
}

// full tells that no further fault can be told, so going on is in vain.
func (d *decoder) full() bool { return len(d.out.Violations) >= MaxViolations }

// fits holds a request against the limit of its size, before it is copied.
func (d *decoder) fits(size int, at place) bool {
	if size > d.limits.RequestBytes {
		d.end(at.at(""), fmt.Sprintf("has %d bytes; at most %d are allowed: split it", size, d.limits.RequestBytes))
		return false
	}
	return true
}

// pipeline decodes an AppendPipelineRequest. False: it is broken.
func (d *decoder) pipeline(b []byte, r *AppendPipelineRequest) bool {
	var given seen
	for len(b) > 0 {
		f, rest, ok := next(b)
		if !ok {
			return false
		}
		b = rest
		switch {
		case f.is(fieldTicket, protowire.VarintType):
			if given.again(fieldTicket) {
				d.fault("ticket", problemRepeated)
				continue
			}
			r.Ticket = f.varint
		case f.is(fieldAppend, protowire.BytesType):
			if given.again(fieldAppend) {
				d.fault("append", problemRepeated)
				continue
			}
			d.pipelinedAppend(f.bytes, r)
		case f.is(fieldHaltOnError, protowire.VarintType):
			if given.again(fieldHaltOnError) {
				d.fault("halt_on_error", problemRepeated)
				continue
			}
			r.HaltOnError = protowire.DecodeBool(f.varint)
		default:
			if !d.full() {
				d.fault("request", f.unknown(fieldHaltOnError))
			}
		}
	}
	if !given.again(fieldAppend) {
		d.end("append", "is missing")
	}
	return true
}

func (d *decoder) pipelinedAppend(b []byte, r *AppendPipelineRequest) {
	at := place{prefix: "append."}
	if d.fits(len(b), at) {
		d.entry(b, at, &r.Append.Entries[0], true)
	}
}

// atomic decodes an AppendAtomicRequest.
func (d *decoder) atomic(b []byte) {
	var given seen
	a := &d.out.Append
	entries := 0
	for len(b) > 0 && !d.full() {
		f, rest, ok := next(b)
		if !ok {
			d.end("request", problemMalformed)
			return
		}
		b = rest
		switch {
		case f.is(fieldEntries, protowire.BytesType):
			if entries++; entries > d.limits.RequestEntries {
				continue // counted, not kept
			}
			a.Entries = append(a.Entries, storage.Entry{})
			d.entry(f.bytes, place{entry: entries}, &a.Entries[entries-1], false)
		case f.is(fieldAtomicRequestID, protowire.BytesType):
			if given.again(fieldAtomicRequestID) {
				d.fault("request_id", problemRepeated)
				continue
			}
			a.RequestID = string(f.bytes)
		default:
			d.fault("request", f.unknown(fieldAtomicRequestID))
		}
	}
	if entries > d.limits.RequestEntries {
		d.fault("entries", fmt.Sprintf("has %d entries; at most %d are allowed", entries, d.limits.RequestEntries))
	}
}

// entry decodes an AppendRequest, which has a request id, or an
// AppendAtomicRequest.Entry, which has none.
func (d *decoder) entry(b []byte, at place, e *storage.Entry, withRequestID bool) {
	last := fieldEvents
	if withRequestID {
		last = fieldRequestID
	}
	var given seen
	before := d.events
	for len(b) > 0 && !d.full() {
		f, rest, ok := next(b)
		if !ok {
			d.end(at.at(""), problemMalformed)
			return
		}
		b = rest
		switch {
		case f.is(fieldEvents, protowire.BytesType):
			if e.Events == nil {
				e.Events = make([]storage.NewEvent, 0, likelyEvents(len(f.bytes), len(b)))
			}
			d.event(f.bytes, at, d.events-before, e)
			d.events++
		case f.is(fieldStream, protowire.BytesType):
			if given.again(fieldStream) {
				d.fault(at.at("stream"), problemRepeated)
				continue
			}
			e.Stream = string(f.bytes)
		case f.is(fieldExpectation, protowire.BytesType):
			if given.again(fieldExpectation) {
				d.fault(at.at("expectation"), problemRepeated)
				continue
			}
			e.Expectation = d.expectation(f.bytes, at)
		case withRequestID && f.is(fieldRequestID, protowire.BytesType):
			if given.again(fieldRequestID) {
				d.fault(at.at("request_id"), problemRepeated)
				continue
			}
			d.out.Append.RequestID = string(f.bytes)
		default:
			d.fault(at.at(""), f.unknown(last))
		}
	}
	if before <= d.limits.RequestEvents && d.events > d.limits.RequestEvents {
		d.fault(at.at("events"), fmt.Sprintf("brings the request to %d events; at most %d are allowed", d.events, d.limits.RequestEvents))
	}
}

// likelyEvents is how many events an entry has if they are as long as the
// first one, within reason: what a request says of itself takes no memory.
func likelyEvents(first, rest int) int { return 1 + min(rest/(first+2), 255) }

// event decodes the entry's event of the given number from 0.
func (d *decoder) event(b []byte, at place, i int, e *storage.Entry) {
	if d.events >= d.limits.RequestEvents {
		return // counted, not kept
	}
	event, violations := record.ParseNewEvent(b, *d.limits)
	e.Events = append(e.Events, event)
	if violations == nil {
		return
	}
	path := at.at(fmt.Sprintf("events[%d]", i))
	for _, v := range violations {
		if v.Field != "" {
			v.Field = "." + v.Field
		}
		d.fault(path+v.Field, v.Problem)
	}
}

// expectation decodes an Expectation; zero when none is stated.
func (d *decoder) expectation(b []byte, at place) storage.Expectation {
	var e storage.Expectation
	var given seen
	for len(b) > 0 && !d.full() {
		f, rest, ok := next(b)
		if !ok {
			d.fault(at.at("expectation"), problemMalformed)
			return storage.Expectation{}
		}
		b = rest
		known := f.is(fieldState, protowire.VarintType) || f.is(fieldVersion, protowire.VarintType)
		switch {
		case !known:
			d.fault(at.at("expectation"), f.unknown(fieldVersion))
		case given.again(fieldState): // of a oneof, so both count as the same
			d.fault(at.at("expectation"), "has two kinds; give exactly one of state and version")
		case f.num == fieldVersion:
			e = storage.ExpectVersion(storage.Version(f.varint))
		default:
			e = d.state(stetv1.Expectation_State(int32(f.varint)), at)
		}
	}
	return e
}

func (d *decoder) state(s stetv1.Expectation_State, at place) storage.Expectation {
	switch s {
	case stetv1.Expectation_STATE_UNSPECIFIED: // the same as nothing stated
	case stetv1.Expectation_STATE_ANY:
		return storage.ExpectAny()
	case stetv1.Expectation_STATE_NO_STREAM:
		return storage.ExpectNoStream()
	case stetv1.Expectation_STATE_EXISTS:
		return storage.ExpectExists()
	default:
		d.fault(at.at("expectation.state"), fmt.Sprintf("is the unknown state %d; give STATE_ANY, STATE_NO_STREAM or STATE_EXISTS", int32(s)))
	}
	return storage.Expectation{}
}
