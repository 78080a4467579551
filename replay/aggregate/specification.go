package aggregate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// SpecVersion is one specification that was put.
type SpecVersion struct {
	// Version is its number: the length of the stream of specifications with it.
	Version storage.Version
	// RecordedAt is when it was put, KeyName by whom, as far as keys are used.
	RecordedAt storage.Instant
	KeyName    string
	// Bytes is the length of Text.
	Bytes int
	// Text is the specification as it was sent; nil in lists.
	Text []byte
}

func specVersionOf(e *storage.Event) SpecVersion {
	return SpecVersion{Version: e.Version, RecordedAt: e.RecordedAt, KeyName: e.Metadata[replay.KeyKeyID], Bytes: len(e.Payload), Text: e.Payload}
}

// PutSpec is a request to change the specification.
type PutSpec struct {
	// Text is the new one.
	Text []byte
	// PreviousLength is the version that must be in force, 0 for none; nil: any.
	PreviousLength *storage.Version
	// DryRun only tells what would be said.
	DryRun bool
	// Force allows changes that leave written events without a meaning.
	Force bool
	// KeyName is the name of the key that the caller has shown.
	KeyName string
}

// PutResult is the answer.
type PutResult struct {
	// Version is the one in force; what it would be, when nothing was written.
	Version storage.Version
	// Written is false for a dry run, and where exactly this text is in force.
	Written bool
	// Position is that of the event; 0 when nothing was written.
	Position storage.Position
	// Warnings are advice about the text.
	Warnings []spec.Warning
	// Changes are what differs from the one before.
	Changes []spec.Change
}

// PutSpec changes the specification, at once and for all events, old ones too.
// Errors: a [*Refusal] with every fault of the text, or with every change that
// needs Force; a [*storage.ConflictError] when another version is in force.
func (s *Service) PutSpec(ctx context.Context, p PutSpec) (PutResult, error) {
	parsed, faults, warnings := spec.Parse(p.Text)
	if parsed == nil {
		all := make([]Fault, len(faults))
		for i, f := range faults {
			all[i] = Fault{f.Path, f.Problem}
		}
		return PutResult{}, refuseAll(CodeInvalidSpec, all)
	}
	s.following.Lock()
	defer s.following.Unlock()
	if err := s.refreshLocked(ctx); err != nil {
		return PutResult{}, err
	}
	before := s.current.Load()
	out := PutResult{Version: before.version, Warnings: warnings}
	if before.spec != nil {
		if string(before.spec.Text()) == string(p.Text) {
			return out, demandSpec(p.PreviousLength, before.version, s.store.Head())
		}
		out.Changes = spec.Compare(before.spec, parsed)
	}
	if err := demandSpec(p.PreviousLength, before.version, s.store.Head()); err != nil {
		return PutResult{}, err
	}
	if !p.Force {
		if err := s.compatible(ctx, out.Changes); err != nil {
			return PutResult{}, err
		}
	}
	out.Version++
	if p.DryRun {
		return out, nil
	}
	var err error
	if out.Position, err = s.writeSpec(ctx, &p, before.version); err != nil {
		return PutResult{}, err
	}
	out.Written = true
	s.current.Store(newRulebook(out.Version, parsed))
	return out, nil
}

// demandSpec refuses where another version is in force than was demanded.
func demandSpec(want *storage.Version, actual storage.Version, head storage.Position) error {
	if want == nil || *want == actual {
		return nil
	}
	return &storage.ConflictError{
		Conflicts: []storage.Conflict{{Stream: SpecStream, Expected: storage.ExpectVersion(*want), Actual: actual}},
		Head:      head,
	}
}

// specWait bounds the writing of a specification, which goes on when the caller
// leaves: what is written must come into force.
const specWait = time.Minute

func (s *Service) writeSpec(ctx context.Context, p *PutSpec, before storage.Version) (storage.Position, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), specWait)
	defer cancel()
	e := storage.Event{Type: specWasPut, Kind: storage.PayloadJSON, Payload: p.Text}
	if p.KeyName != "" {
		e.Metadata = map[string]string{replay.KeyKeyID: p.KeyName}
	}
	stored, violations := record.NewEventOf(&e, s.o.Limits)
	if err := storage.Invalid(violations...); err != nil {
		return 0, fmt.Errorf("write specification: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return 0, fmt.Errorf("make an event id: %w", err)
	}
	stored.ID = storage.EventID(id)
	at, err := s.o.Clock.Stamp()
	if err != nil {
		return 0, err
	}
	appended, err := s.store.Append(ctx, &storage.Append{Time: at, Entries: []storage.Entry{{
		Stream: SpecStream, Expectation: storage.ExpectVersion(before), Events: []storage.NewEvent{stored},
	}}})
	return appended.Last, err
}

// maxSearched bounds how many events are looked at to find out whether one of
// a type was ever written. Beyond it, it counts as written.
const maxSearched = 2_000_000

// compatible refuses changes that leave written events without a meaning.
func (s *Service) compatible(ctx context.Context, changes []spec.Change) error {
	var faults []Fault
	for i := range changes {
		c := &changes[i]
		if c.Incompatible == "" {
			continue
		}
		written, err := s.wasWritten(ctx, c.Type, c.Event)
		if err != nil {
			return err
		}
		if written {
			faults = append(faults, Fault{c.Path, c.Incompatible})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	r := refuseAll(CodeIncompatibleSpec, faults)
	r.Problem += "; use force to do it all the same"
	return r
}

// wasWritten tells whether there is an event of the type of aggregates, and of
// this name unless it is empty.
func (s *Service) wasWritten(ctx context.Context, typ, event string) (bool, error) {
	if typ == "" {
		return true, nil
	}
	head := s.store.Head()
	streams, err := s.store.Streams(ctx, storage.StreamsQuery{Prefix: typ + "-", Limit: 1, Head: head})
	if err != nil || len(streams) == 0 || event == "" {
		return len(streams) > 0, err
	}
	item := storage.FilterItem{Categories: []string{typ}, Types: []string{event}}
	matcher := record.NewMatcher(storage.Filter{AnyOf: []storage.FilterItem{item}}, record.Source{})
	searched := 0
	for r, err := range s.store.ReadAll(ctx, storage.AllRange{From: streams[0].First, Until: head + 1}) {
		if err != nil {
			return false, fmt.Errorf("look for events %q: %w", event, err)
		}
		if searched++; searched > maxSearched || matcher.Match(r.Wire) {
			return true, nil
		}
	}
	return false, nil
}

// SpecAt gives one version; 0: the one in force.
func (s *Service) SpecAt(ctx context.Context, v storage.Version) (SpecVersion, error) {
	last := s.current.Load().version
	switch {
	case last == 0:
		return SpecVersion{}, refuse(Missing, CodeNoSpecification, "no specification was ever put")
	case v == 0:
		v = last
	case v > last:
		return SpecVersion{}, refuse(Missing, CodeUnknownSpec, fmt.Sprintf("the specification has no version %d; the last is %d", v, last))
	}
	return s.storedSpec(ctx, v)
}

// SpecVersions gives a page of versions, oldest first, without their texts.
// next is the version to go on after; 0: there are no more.
func (s *Service) SpecVersions(ctx context.Context, after storage.Version, limit int) (page []SpecVersion, next storage.Version, err error) {
	if limit, err = pageLimit(limit); err != nil {
		return nil, 0, err
	}
	err = s.read(ctx, storage.StreamRange{Stream: SpecStream, From: after + 1}, func(e *storage.Event) (bool, error) {
		if len(page) == limit {
			next = page[limit-1].Version
			return false, nil
		}
		v := specVersionOf(e)
		v.Text = nil
		page = append(page, v)
		return true, nil
	})
	return page, next, err
}

// CompareSpecs tells what differs between two versions; 0 is the one in force.
func (s *Service) CompareSpecs(ctx context.Context, from, to storage.Version) ([]spec.Change, error) {
	var parsed [2]*spec.Spec
	for i, v := range []storage.Version{from, to} {
		stored, err := s.SpecAt(ctx, v)
		if err != nil {
			return nil, err
		}
		var faults []spec.Fault
		if parsed[i], faults, _ = spec.Parse(stored.Text); parsed[i] == nil {
			return nil, fmt.Errorf("version %d of the specification cannot be read by this release: %w", stored.Version, faults[0])
		}
	}
	return spec.Compare(parsed[0], parsed[1]), nil
}

// isCode tells refusals by their word.
func isCode(err error, code string) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Code == code
}
