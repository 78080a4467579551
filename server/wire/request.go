package wire

import (
	"fmt"

	"google.golang.org/grpc/mem"

	"github.com/stet-db/stet/storage"
)

// MaxViolations bounds the faults that are listed of one request.
const MaxViolations = 20

// Proposal is what a request proposes, and what is wrong with it.
type Proposal struct {
	// Append has the entries, exactly one unless the request is atomic, and the
	// request id. An event with faults is there, without content, so that the
	// others keep their numbers.
	Append storage.Append
	// Violations are the faults of form and size.
	Violations []storage.Violation
	// Incomplete tells that decoding ended before the request did, so that what
	// is absent need not have been left out.
	Incomplete bool
}

// AppendRequest is a decoded stet.v1.AppendRequest.
type AppendRequest struct {
	Proposal
}

func (r *AppendRequest) unmarshal(data mem.BufferSlice, limits *storage.Limits) {
	r.Append.Entries = make([]storage.Entry, 1)
	d := decoder{limits: limits, out: &r.Proposal}
	if d.fits(data.Len(), place{}) {
		d.entry(data.Materialize(), place{}, &r.Append.Entries[0], true)
	}
}

// AppendAtomicRequest is a decoded stet.v1.AppendAtomicRequest.
type AppendAtomicRequest struct {
	Proposal
}

func (r *AppendAtomicRequest) unmarshal(data mem.BufferSlice, limits *storage.Limits) {
	d := decoder{limits: limits, out: &r.Proposal}
	if d.fits(data.Len(), place{}) {
		d.atomic(data.Materialize())
	}
}

// AppendPipelineRequest is a decoded stet.v1.AppendPipelineRequest.
type AppendPipelineRequest struct {
	Proposal
	// Ticket is the client's name for the request.
	Ticket uint64
	// HaltOnError as in the message.
	HaltOnError bool
	// Bytes is the size of the message: how much memory it holds.
	Bytes int
	// Broken tells that the message is no valid protobuf outside of its append,
	// so that not even its ticket can be trusted.
	Broken bool
}

func (r *AppendPipelineRequest) unmarshal(data mem.BufferSlice, limits *storage.Limits) {
	r.Bytes = data.Len()
	r.Append.Entries = make([]storage.Entry, 1)
	d := decoder{limits: limits, out: &r.Proposal}
	r.Broken = !d.pipeline(data.Materialize(), r)
}

// place names a part of a request. The zero place is the request itself.
type place struct {
	// prefix of the paths below, with a dot at its end; empty: none.
	prefix string
	// entry is the number of the entry from 1; 0: none.
	entry int
}

// at is the path of a field below; empty: of the place itself.
func (p place) at(field string) string {
	path := p.prefix
	if p.entry > 0 {
		path += fmt.Sprintf("entries[%d].", p.entry-1)
	}
	path += field
	switch {
	case path == "":
		return "request"
	case field == "":
		return path[:len(path)-1]
	}
	return path
}
