package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Rules are which streams a system shall derive states of and hold to a schema.
type Rules struct {
	// Names are the data sets whose events count, those of [Payload].
	Names []string
	// States tells that states are asked for, not only that events are judged.
	States bool
	// SnapshotEvery keeps a state after so many events of a stream; 0: never.
	SnapshotEvery int
}

// StateDriver is a [Driver] whose system also derives states from events and
// judges events by rules. Safe for concurrent use.
type StateDriver interface {
	// PutRules puts rules into force, and does nothing when they are. It changes
	// nothing where it can tell that states cannot be asked for, and they shall.
	PutRules(ctx context.Context, r Rules) error
	// ReadState asks for the state of a stream of the rules and gives the number
	// of events that it was derived of.
	ReadState(ctx context.Context, stream string) (events int, err error)
}

// ruled is the data set that appends under rules go to; the ones without go to
// another.
func (r *runner) ruled() Dataset { return Dataset{Name: r.data.Name + "ruled"} }

// rules puts what the cases that need rules have in common into force.
func (r *runner) rules(ctx context.Context) (StateDriver, error) {
	d, ok := r.driver.(StateDriver)
	if !ok {
		return nil, fmt.Errorf("states and rules: %w", ErrUnsupported)
	}
	return d, d.PutRules(ctx, Rules{Names: []string{r.data.Name, r.ruled().Name}, States: r.Kind == KindState, SnapshotEvery: r.SnapshotEvery})
}

// validated appends events that are held to a schema.
func (r *runner) validated(ctx context.Context) (Round, error) {
	if _, err := r.rules(ctx); err != nil {
		return Round{}, err
	}
	return r.appends(ctx)
}

// states reads states of the data set.
func (r *runner) states(ctx context.Context) (Round, error) {
	d, err := r.rules(ctx)
	if err != nil {
		return Round{}, err
	}
	return r.window.run(ctx, role{name: "read states", callers: r.Clients, open: func(_ context.Context, i int, rec *recorder) (caller, error) {
		random := rand.New(rand.NewPCG(uint64(i), 4)) //nolint:gosec // load, not secrets
		if r.data.Streams == 0 {
			return caller{}, fmt.Errorf("there is no data set to read")
		}
		return caller{op: func(ctx context.Context, began time.Time) error {
			name := r.data.Stream(random.IntN(r.data.Streams))
			events, err := d.ReadState(ctx, name)
			if err == nil && events != r.data.Length {
				err = fmt.Errorf("the state of %s has %d events; want %d", name, events, r.data.Length)
			}
			return rec.done(began, events, err)
		}}, nil
	}})
}
