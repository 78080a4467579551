package aggregates

import (
	"context"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// pageBytes bounds what is in a page of states, events or changes: it ends with
// the first that reaches the bound.
const pageBytes = 4 << 20

// GetState answers stet.v1.Aggregates.GetState.
func (a *API) GetState(ctx context.Context, req *stetv1.GetStateRequest) (*stetv1.GetStateResponse, error) {
	var f faults
	q := aggregate.StateQuery{
		Type: req.GetType(), ID: req.GetId(), At: f.point("at", req.GetAt()), Effective: f.moment("effective_at", req.GetEffectiveAt()),
		MinPosition: storage.Position(req.GetMinPosition()), Wait: f.duration("wait", req.GetWait()), FullReplay: req.GetFullReplay(),
	}
	if err := storage.Invalid(f.Faults...); err != nil {
		return nil, err
	}
	state, err := a.rules.State(ctx, q)
	if err != nil {
		return nil, err
	}
	return &stetv1.GetStateResponse{
		State: stateToProto(&state.State), Replayed: state.Replayed, Snapshot: uint64(state.Snapshot), Head: uint64(state.Head),
	}, nil
}

// ListStates answers stet.v1.Aggregates.ListStates.
func (a *API) ListStates(ctx context.Context, req *stetv1.ListStatesRequest) (*stetv1.ListStatesResponse, error) {
	var f faults
	q := aggregate.ListQuery{
		Type: req.GetType(), After: req.GetAfter(), Limit: int(req.GetPageSize()),
		Time: f.moment("time", req.GetTime()), Where: []byte(req.GetWhere()),
	}
	if err := storage.Invalid(f.Faults...); err != nil {
		return nil, err
	}
	list, err := a.rules.ListStates(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &stetv1.ListStatesResponse{NextAfter: list.Next, Head: uint64(list.Head)}
	size := 0
	for i := range list.Items {
		item := &list.Items[i]
		state := stateToProto(&item.State)
		out.Items = append(out.Items, &stetv1.ListStatesResponse_Item{Id: item.ID, State: state})
		if size += len(state.GetData()); size >= pageBytes && i+1 < len(list.Items) {
			out.NextAfter = item.ID
			break
		}
	}
	return out, nil
}

// Diff answers stet.v1.Aggregates.Diff.
func (a *API) Diff(ctx context.Context, req *stetv1.DiffRequest) (*stetv1.DiffResponse, error) {
	var f faults
	q := aggregate.DiffQuery{
		Type: req.GetType(), ID: req.GetId(), Limit: int(req.GetPageSize()),
		From: f.point("from", req.GetFrom()), To: f.point("to", req.GetTo()),
	}
	if err := storage.Invalid(f.Faults...); err != nil {
		return nil, err
	}
	diff, err := a.rules.Diff(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &stetv1.DiffResponse{
		FromLength: uint64(diff.From), ToLength: uint64(diff.To), Patch: patchToProto(diff.Patch), NextAfter: uint64(diff.Next),
	}
	size := 0
	for i := range diff.Events {
		e := &diff.Events[i]
		out.Events = append(out.Events, viewToProto(e))
		if size += len(e.Data); size >= pageBytes && i+1 < len(diff.Events) {
			out.NextAfter = uint64(e.Version)
			break
		}
	}
	return out, nil
}

// Trace answers stet.v1.Aggregates.Trace.
func (a *API) Trace(ctx context.Context, req *stetv1.TraceRequest) (*stetv1.TraceResponse, error) {
	var f faults
	q := aggregate.TraceQuery{
		Type: req.GetType(), ID: req.GetId(), At: f.point("at", req.GetAt()),
		After: storage.Version(req.GetAfter()), Limit: int(req.GetPageSize()),
	}
	if err := storage.Invalid(f.Faults...); err != nil {
		return nil, err
	}
	trace, err := a.rules.Trace(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &stetv1.TraceResponse{NextAfter: uint64(trace.Next)}
	last, size := trace.State.Value, 0
	for i := range trace.Steps {
		step := &trace.Steps[i]
		to := &stetv1.TraceResponse_Step{
			Event: viewToProto(&step.View), Patch: patchToProto(step.Patch), Known: step.Known,
			Warnings: warningsToProto(step.Type, step.Warnings),
		}
		if req.GetWithStates() {
			state := step.State.String()
			to.State = &state
		}
		out.Steps = append(out.Steps, to)
		if size += len(step.Data) + len(to.GetPatch()) + len(to.GetState()); size >= pageBytes && i+1 < len(trace.Steps) {
			out.NextAfter, last = uint64(step.Version), step.State
			break
		}
	}
	out.State = last.String()
	return out, nil
}
