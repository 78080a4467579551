package aggregates

import (
	"context"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/server/convert"
	"github.com/stet-db/stet/storage"
)

// Execute answers stet.v1.Aggregates.Execute.
func (a *API) Execute(ctx context.Context, req *stetv1.ExecuteRequest) (*stetv1.ExecuteResponse, error) {
	if a.isDraining() {
		return nil, storage.ErrShuttingDown
	}
	var f faults
	c := f.command(req)
	if err := storage.Invalid(f.Faults...); err != nil {
		return nil, err
	}
	c.KeyName = keyring.Name(ctx)
	if c.WithState {
		// Who may only write learns no state by writing.
		if err := keyring.Need(ctx, keyring.Read); err != nil {
			return nil, err
		}
	}
	r, err := a.rules.Execute(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &stetv1.ExecuteResponse{
		StreamIds: r.StreamIDs, Length: uint64(r.Length), Position: uint64(r.Position), RecordedAt: convert.Timestamp(r.RecordedAt),
		Implied: uint32(r.Implied), Replayed: r.Replayed,
	}
	for _, id := range r.EventIDs {
		out.Ids = append(out.Ids, id.String())
	}
	if req.GetWithState() {
		state := r.State.String()
		out.State = &state
	}
	return out, nil
}

// PutSpec answers stet.v1.Aggregates.PutSpec.
func (a *API) PutSpec(ctx context.Context, req *stetv1.PutSpecRequest) (*stetv1.PutSpecResponse, error) {
	if a.isDraining() {
		return nil, storage.ErrShuttingDown
	}
	r, err := a.rules.PutSpec(ctx, aggregate.PutSpec{
		Text: []byte(req.GetSpec()), PreviousLength: lengthOf(req.PreviousLength),
		DryRun: req.GetDryRun(), Force: req.GetForce(), KeyName: keyring.Name(ctx),
	})
	if err != nil {
		return nil, err
	}
	out := &stetv1.PutSpecResponse{
		Version: uint64(r.Version), Written: r.Written, Position: uint64(r.Position), Warnings: specWarningsToProto(r.Warnings),
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		out.Changes = append(out.Changes, &stetv1.SpecChange{
			Path: c.Path, Kind: string(c.Kind), Type: c.Type, Event: c.Event, Incompatible: c.Incompatible,
		})
	}
	return out, nil
}

// GetSpec answers stet.v1.Aggregates.GetSpec.
func (a *API) GetSpec(ctx context.Context, req *stetv1.GetSpecRequest) (*stetv1.GetSpecResponse, error) {
	v, err := a.rules.SpecAt(ctx, storage.Version(req.GetVersion()))
	if err != nil {
		return nil, err
	}
	return &stetv1.GetSpecResponse{Version: specVersionToProto(&v), Spec: string(v.Text)}, nil
}

// ListSpecVersions answers stet.v1.Aggregates.ListSpecVersions.
func (a *API) ListSpecVersions(ctx context.Context, req *stetv1.ListSpecVersionsRequest) (*stetv1.ListSpecVersionsResponse, error) {
	page, next, err := a.rules.SpecVersions(ctx, storage.Version(req.GetAfter()), int(req.GetPageSize()))
	if err != nil {
		return nil, err
	}
	out := &stetv1.ListSpecVersionsResponse{NextAfter: uint64(next)}
	for i := range page {
		out.Versions = append(out.Versions, specVersionToProto(&page[i]))
	}
	return out, nil
}

// TestSpec answers stet.v1.Aggregates.TestSpec.
func (a *API) TestSpec(ctx context.Context, req *stetv1.TestSpecRequest) (*stetv1.TestSpecResponse, error) {
	var f faults
	fixture := f.fixture(req)
	if err := storage.Invalid(f.Faults...); err != nil {
		return nil, err
	}
	r, err := a.rules.TestSpec(ctx, fixture)
	if err != nil {
		return nil, err
	}
	return fixtureResultToProto(&r), nil
}

// DropSnapshots answers stet.v1.Aggregates.DropSnapshots.
func (a *API) DropSnapshots(ctx context.Context, _ *stetv1.DropSnapshotsRequest) (*stetv1.DropSnapshotsResponse, error) {
	if err := a.rules.DropSnapshots(ctx); err != nil {
		return nil, err
	}
	return &stetv1.DropSnapshotsResponse{}, nil
}
