package server

import (
	"context"

	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// AppendAtomic answers stet.v1.EventStore.AppendAtomic.
func (s *Service) AppendAtomic(ctx context.Context, in *wire.AppendAtomicRequest) (*wire.AppendAtomicResponse, error) {
	if s.isDraining() {
		return nil, storage.ErrShuttingDown
	}
	withIDs, err := s.complete(&in.Proposal, shapeAtomic)
	if err != nil {
		return nil, err
	}
	appended, err := s.append(ctx, &in.Append)
	if err != nil {
		return nil, err
	}
	return &wire.AppendAtomicResponse{Appended: appended, Entries: in.Append.Entries, WithIDs: withIDs}, nil
}
