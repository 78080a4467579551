package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Reading says whether readers decode events.
type Reading string

// The ways of reading.
const (
	// ReadingAuto is both for KindReadAll, and raw for subscribers, because on a
	// small machine many decoding subscribers measure themselves.
	ReadingAuto Reading = "auto"
	// ReadingDecoded decodes.
	ReadingDecoded Reading = "decoded"
	// ReadingRaw looks at positions only.
	ReadingRaw Reading = "raw"
)

// Plan is which cases to run. Zero numbers are those of each kind.
type Plan struct {
	// Kinds are run in their order.
	Kinds []Kind
	// Clients and Batches give a case for each pair.
	Clients, Batches []int
	// InFlight, ConflictPercent, RequestIDs, Subscribers and Readers are as in
	// [Case].
	InFlight, ConflictPercent, Subscribers, Readers int
	RequestIDs                                      bool
	// SnapshotEvery is as in [Case].
	SnapshotEvery int
	// Reading is how events are read.
	Reading Reading
}

// standardClients are those of each kind when a plan gives none.
var standardClients = map[Kind][]int{
	KindAppend: {1, 8, 64, 256}, KindReadAll: {1}, KindReadStreams: {1, 16}, KindFanout: {256}, KindDelivery: {1}, KindMixed: {64},
	KindValidated: {64}, KindState: {64},
}

// Cases are the cases of the plan.
func (p Plan) Cases() ([]Case, error) {
	var out []Case
	var faults []error
	for _, kind := range p.Kinds {
		if !slices.Contains(Kinds, kind) {
			faults = append(faults, fmt.Errorf("there is no kind of load named %q; the kinds are %v", kind, Kinds))
			continue
		}
		clients := p.Clients
		if len(clients) == 0 || kind == KindDelivery {
			clients = standardClients[kind]
		}
		for _, n := range clients {
			for _, c := range p.casesOf(kind, n) {
				if err := c.Validate(); err != nil {
					faults = append(faults, fmt.Errorf("%v: %w", c, err))
				}
				if !slices.Contains(out, c) {
					out = append(out, c)
				}
			}
		}
	}
	for _, batch := range p.Batches {
		if batch < 1 { // in a case 0 stands for 1, and would make the same row again
			faults = append(faults, fmt.Errorf("a batch of %d events; want 1 to 10000", batch))
		}
	}
	switch p.Reading {
	case "", ReadingAuto, ReadingDecoded, ReadingRaw:
	default:
		faults = append(faults, fmt.Errorf("reading is %q; want auto, decoded or raw", p.Reading))
	}
	return out, errors.Join(faults...)
}

func (p Plan) casesOf(kind Kind, clients int) []Case {
	c := Case{Kind: kind, Clients: clients, RequestIDs: p.RequestIDs}
	batches := p.Batches
	if len(batches) == 0 {
		batches = []int{1}
	}
	live := c
	live.Raw = p.Reading != ReadingDecoded
	var out []Case
	switch kind {
	case KindAppend:
		for _, batch := range batches {
			c.Batch, c.InFlight, c.ConflictPercent = batch, p.InFlight, p.ConflictPercent
			out = append(out, c)
		}
	case KindValidated:
		// The same without rules, in the same round, is what it is compared with.
		for _, batch := range batches {
			c.Batch, c.InFlight, c.ConflictPercent = batch, p.InFlight, p.ConflictPercent
			free := c
			free.Kind = KindAppend
			out = append(out, free, c)
		}
	case KindState:
		out = append(out, Case{Kind: kind, Clients: clients, SnapshotEvery: p.SnapshotEvery})
	case KindReadAll:
		for _, raw := range []bool{false, true} {
			if raw && p.Reading == ReadingDecoded || !raw && p.Reading == ReadingRaw {
				continue
			}
			out = append(out, Case{Kind: kind, Clients: clients, Raw: raw})
		}
	case KindReadStreams:
		out = append(out, Case{Kind: kind, Clients: clients}, Case{Kind: kind, Clients: clients, Hot: true})
	case KindFanout:
		for _, batch := range batches {
			live.Batch, live.Subscribers = batch, or(p.Subscribers, 100)
			out = append(out, live)
		}
	case KindDelivery:
		live.Clients, live.Batch, live.Raw, live.Subscribers = 1, 1, p.Reading == ReadingRaw, 1
		out = append(out, live)
	case KindMixed:
		for _, batch := range batches {
			live.Batch, live.Subscribers, live.Readers = batch, or(p.Subscribers, 4), or(p.Readers, 8)
			out = append(out, live)
		}
	}
	return out
}

func or(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

// NeedsData tells whether a case reads a data set.
func (c Case) NeedsData() bool {
	return c.Kind == KindReadAll || c.Kind == KindReadStreams || c.Kind == KindState || c.Kind == KindMixed && c.Readers > 0
}

// Session runs cases on one system, round by round, so that what drifts hits
// all of them.
type Session struct {
	// System names it in results.
	System string
	// Driver speaks to it.
	Driver Driver
	// Payload and Data are what is appended and read.
	Payload *Payload
	Data    Dataset
	// Load is that of each case; Measuring is set from Hook.
	Load Load
	// Cases are run in order, Rounds times.
	Cases  []Case
	Rounds int
	// Before is told which case comes next; Hook gives what to do while it is
	// measured. Both may be nil.
	Before func(c Case, round int)
	Hook   func(c Case, round int) func(time.Duration) (wait func() error)
}

// Run gives a result for each case. What the system does not have is told
// there.
func (s *Session) Run(ctx context.Context) ([]Result, error) {
	results := make([]Result, len(s.Cases))
	for i, c := range s.Cases {
		results[i] = Result{System: s.System, Case: c}
	}
	for round := range s.Rounds {
		for i, c := range s.Cases {
			if results[i].Unsupported != "" {
				continue
			}
			if s.Before != nil {
				s.Before(c, round)
			}
			load := s.Load
			if s.Hook != nil {
				load.Measuring = s.Hook(c, round)
			}
			got, err := c.Run(ctx, s.Driver, s.Payload, s.Data, load)
			switch {
			case errors.Is(err, ErrUnsupported):
				results[i].Unsupported = err.Error()
			case err != nil:
				return results, fmt.Errorf("round %d: %w", round+1, err)
			default:
				results[i].Rounds = append(results[i].Rounds, got)
			}
		}
	}
	return results, nil
}
