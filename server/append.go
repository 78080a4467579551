package server

import (
	"context"

	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// Append answers stet.v1.EventStore.Append.
func (s *Service) Append(ctx context.Context, in *wire.AppendRequest) (*wire.AppendResponse, error) {
	if s.isDraining() {
		return nil, storage.ErrShuttingDown
	}
	withIDs, err := s.complete(&in.Proposal, shapeAppend)
	if err != nil {
		return nil, err
	}
	appended, err := s.append(ctx, &in.Append)
	if err != nil {
		return nil, err
	}
	return &wire.AppendResponse{Appended: appended, WithIDs: withIDs}, nil
}
