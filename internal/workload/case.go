package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind is what a case measures.
type Kind string

// The kinds of cases.
const (
	// KindAppend appends, with answers awaited or pipelined.
	KindAppend Kind = "append"
	// KindReadAll reads the whole log, again and again.
	KindReadAll Kind = "read-all"
	// KindReadStreams reads short streams.
	KindReadStreams Kind = "read-streams"
	// KindFanout delivers what appenders write to subscribers of the whole log.
	KindFanout Kind = "fanout"
	// KindDelivery measures an append until its event is delivered, on an
	// otherwise idle system.
	KindDelivery Kind = "delivery"
	// KindMixed appends, reads streams and follows the log at once.
	KindMixed Kind = "mixed"
	// KindValidated appends events that are held to a schema.
	KindValidated Kind = "validated"
	// KindState reads states that are derived from streams.
	KindState Kind = "state"
)

// Kinds are all of them in the order of their running.
var Kinds = []Kind{KindAppend, KindReadAll, KindReadStreams, KindFanout, KindDelivery, KindMixed, KindValidated, KindState}

// Case is one row of a table: a kind of load with its numbers.
type Case struct {
	Kind Kind `json:"kind"`
	// Clients append or read at a time; for KindFanout and KindMixed they append.
	Clients int `json:"clients,omitempty"`
	// Batch is the events of an append; 0: 1.
	Batch int `json:"batch,omitempty"`
	// InFlight is how many appends each client pipelines; 0: it awaits each.
	InFlight int `json:"in_flight,omitempty"`
	// ConflictPercent of the appends state an expectation that is not met.
	ConflictPercent int `json:"conflict_percent,omitempty"`
	// RequestIDs gives each append an id.
	RequestIDs bool `json:"request_ids,omitempty"`
	// Raw reads and follows without decoding the events.
	Raw bool `json:"raw,omitempty"`
	// Hot reads the first few streams of the data set only.
	Hot bool `json:"hot,omitempty"`
	// Subscribers follow the whole log.
	Subscribers int `json:"subscribers,omitempty"`
	// Readers read streams beside the appends of KindMixed.
	Readers int `json:"readers,omitempty"`
	// SnapshotEvery keeps states after so many events, for KindState; 0: never.
	SnapshotEvery int `json:"snapshot_every,omitempty"`
}

// String is the case in words, the same for the same case.
func (c Case) String() string {
	words := []string{string(c.Kind)}
	add := func(shown bool, format string, args ...any) {
		if shown {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(c.Clients > 0, "%d x %d", c.Clients, max(c.Batch, 1))
	if c.Kind == KindReadAll || c.Kind == KindReadStreams || c.Kind == KindState {
		words[1] = fmt.Sprintf("%d", max(c.Clients, 1))
	}
	add(c.InFlight > 0, "pipelined %d", c.InFlight)
	add(c.ConflictPercent > 0, "%d%% conflicts", c.ConflictPercent)
	add(c.RequestIDs, "request ids")
	add(c.Subscribers > 0, "to %d", c.Subscribers)
	add(c.Readers > 0, "%d readers", c.Readers)
	add(c.SnapshotEvery > 0, "snapshots every %d", c.SnapshotEvery)
	add(c.Hot, "hot")
	add(c.Raw, "raw")
	return strings.Join(words, " ")
}

// Validate names all faults at once.
func (c Case) Validate() error {
	var faults []error
	check := func(name string, value, least, most int) {
		if value < least || value > most {
			faults = append(faults, fmt.Errorf("%s is %d; want %d to %d", name, value, least, most))
		}
	}
	check("clients", c.Clients, 1, 10_000)
	check("batch", c.Batch, 0, 10_000)
	check("in flight", c.InFlight, 0, 4096)
	check("conflict percent", c.ConflictPercent, 0, 100)
	check("subscribers", c.Subscribers, 0, 10_000)
	check("readers", c.Readers, 0, 10_000)
	check("snapshots every", c.SnapshotEvery, 0, 1_000_000)
	if c.Kind == KindFanout {
		check("subscribers", c.Subscribers, 1, 10_000)
	}
	return errors.Join(faults...)
}

// Run measures the case once. The data set must have been filled before cases
// that read; appends go to streams of their own.
func (c Case) Run(ctx context.Context, d Driver, p *Payload, data Dataset, load Load) (Round, error) {
	if err := c.Validate(); err != nil {
		return Round{}, fmt.Errorf("%v: %w", c, err)
	}
	c.Batch = max(c.Batch, 1)
	w := &window{load: load}
	r := runner{Case: c, window: w, driver: d, payload: p, data: data}
	run := map[Kind]func(context.Context) (Round, error){
		KindAppend:      r.appends,
		KindReadAll:     r.readAll,
		KindReadStreams: r.readStreams,
		KindFanout:      r.fanout,
		KindDelivery:    r.delivery,
		KindMixed:       r.mixed,
		KindValidated:   r.validated,
		KindState:       r.states,
	}[c.Kind]
	if run == nil {
		return Round{}, fmt.Errorf("there is no kind of load named %q; the kinds are %v", c.Kind, Kinds)
	}
	round, err := run(ctx)
	if err != nil {
		return Round{}, fmt.Errorf("%v: %w", c, err)
	}
	return round, nil
}

// runner is one run of a case.
type runner struct {
	Case
	window  *window
	driver  Driver
	payload *Payload
	data    Dataset
}
