package aggregate

import (
	"context"
	"fmt"
	"time"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// SpecStream is the stream whose events are the specifications.
const SpecStream = "$spec"

// specWasPut is the type of those events.
const specWasPut = "specification_was_put"

// rulebook is a specification as it is used. It is immutable.
type rulebook struct {
	// version is that of the stream of specifications; 0: there is none yet.
	version storage.Version
	// spec is nil when there is none.
	spec  *spec.Spec
	types map[string]*ruledType
}

// ruledType is an aggregate type, and what the fold needs of it.
type ruledType struct {
	*spec.Type
	rules *replay.Rules
	key   storage.SnapshotKey
}

func noRules() *rulebook { return &rulebook{types: map[string]*ruledType{}} }

func newRulebook(version storage.Version, s *spec.Spec) *rulebook {
	r := &rulebook{version: version, spec: s, types: map[string]*ruledType{}}
	for _, t := range s.Types() {
		hash := t.Hash()
		if mutant.On(mutant.SnapshotOfAnyRules) {
			clear(hash[:])
		}
		r.types[t.Name()] = &ruledType{Type: t, rules: rulesOf(t), key: replay.SnapshotKey(hash[:])}
	}
	return r
}

func rulesOf(t *spec.Type) *replay.Rules {
	rules := &replay.Rules{Type: t.Name(), Handlers: map[string]replay.Handler{}}
	for _, e := range t.Events() {
		rules.Handlers[e.Name()] = replay.Handler{Program: e.Program(), Version: e.Version(), Upcast: upcastOf(e)}
	}
	return rules
}

// upcastOf never fails: what is newer than the specification stays as it is.
func upcastOf(e *spec.Event) func(value.Value, uint32) (value.Value, []tick.Warning) {
	return func(data value.Value, from uint32) (value.Value, []tick.Warning) {
		present, warnings, err := e.Upcast(data, from)
		if err != nil {
			warnings = append(warnings, tick.Warning{Path: "schema_version", Reason: tick.WrongType, Problem: err.Error(), Count: 1})
		}
		return present, warnings
	}
}

// typeOf is the type of this name, or the refusal that there is none.
func (r *rulebook) typeOf(name string) (*ruledType, error) {
	if t, ok := r.types[name]; ok {
		return t, nil
	}
	if r.spec == nil {
		return nil, refuse(Missing, CodeUnknownType, "there is no specification yet, so there are no aggregate types")
	}
	return nil, refuse(Missing, CodeUnknownType, fmt.Sprintf("the specification has no aggregate type %q", name))
}

// Spec is the specification in force and its version; nil and 0 when none was
// ever put.
func (s *Service) Spec() (*spec.Spec, storage.Version) {
	r := s.current.Load()
	return r.spec, r.version
}

// followEvery is how often [Service.followLoop] looks at most.
const followEvery = 100 * time.Millisecond

// followLoop keeps the specification up to date where others write to the log
// too; one put through this service is in force at once. It does not look after
// each commit, which would be a wake-up and a search for every append: what is
// executed under an old specification is refused when it is written, and judged
// again.
func (s *Service) followLoop(ctx context.Context) error {
	seen := storage.Position(0)
	for {
		head, err := s.store.AwaitHead(ctx, seen)
		if err != nil {
			return nil //nolint:nilerr // the context or the store has ended, and so does following
		}
		seen = head
		if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("the specification cannot be followed; the one before stays in force", "error", err)
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// refresh takes the newest specification into use.
func (s *Service) refresh(ctx context.Context) error {
	s.following.Lock()
	defer s.following.Unlock()
	return s.refreshLocked(ctx)
}

func (s *Service) refreshLocked(ctx context.Context) error {
	known := s.current.Load().version
	info, err := s.store.Stream(ctx, SpecStream, s.store.Head())
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for specifications: %w", err)
	}
	if info.Version <= known {
		return nil
	}
	stored, err := s.storedSpec(ctx, info.Version)
	if err != nil {
		return err
	}
	parsed, faults, _ := spec.Parse(stored.Text)
	if parsed == nil {
		return fmt.Errorf("version %d of the specification, which was accepted once, has faults in this release, the first: %w", info.Version, faults[0])
	}
	s.current.Store(newRulebook(info.Version, parsed))
	s.o.Logger.Info("a specification is in force", "version", info.Version)
	return nil
}

// storedSpec reads one version.
func (s *Service) storedSpec(ctx context.Context, v storage.Version) (SpecVersion, error) {
	for r, err := range s.store.ReadStream(ctx, storage.StreamRange{Stream: SpecStream, From: v, Until: v + 1}) {
		if err != nil {
			return SpecVersion{}, fmt.Errorf("read version %d of the specification: %w", v, err)
		}
		e, err := record.Decode(r.Wire)
		if err != nil {
			return SpecVersion{}, fmt.Errorf("read version %d of the specification: %w", v, err)
		}
		return specVersionOf(&e), nil
	}
	return SpecVersion{}, refuse(Missing, CodeUnknownSpec, fmt.Sprintf("the specification has no version %d", v))
}
