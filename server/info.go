package server

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/convert"
	"github.com/stet-db/stet/storage"
)

// GetHead tells how far the log reaches.
func (s *Service) GetHead(ctx context.Context, _ *stetv1.GetHeadRequest) (*stetv1.GetHeadResponse, error) {
	head := s.store.Head()
	out := &stetv1.GetHeadResponse{Head: uint64(head), HistoryId: s.store.Info().History.String()}
	if head > 0 {
		at, err := s.store.RecordedAt(ctx, head)
		if err != nil {
			return nil, fmt.Errorf("time of the head: %w", err)
		}
		out.RecordedAt = convert.Timestamp(at)
	}
	return out, nil
}

// GetServerInfo tells what this server is and what it allows.
func (s *Service) GetServerInfo(context.Context, *stetv1.GetServerInfoRequest) (*stetv1.GetServerInfoResponse, error) {
	info, stats := s.store.Info(), s.store.Stats()
	out := &stetv1.GetServerInfoResponse{
		Version:    s.o.Version,
		HistoryId:  info.History.String(),
		Head:       uint64(stats.Head),
		Limits:     limitsToProto(s.o.Limits, s.o.PipelineInFlight),
		Durability: info.Durability,
		StartedAt:  timestamppb.New(s.o.StartedAt),
		Format:     info.Format,
	}
	if stats.SyncMicros > 0 {
		out.SyncLatency = durationpb.New(time.Duration(stats.SyncMicros) * time.Microsecond)
	}
	return out, nil
}

func limitsToProto(l storage.Limits, pipelineInFlight int) *stetv1.GetServerInfoResponse_Limits {
	return &stetv1.GetServerInfoResponse_Limits{
		EventBytes:       uint64(l.EventBytes),
		RequestBytes:     uint64(l.RequestBytes),
		RequestEvents:    uint32(l.RequestEvents),
		RequestEntries:   uint32(l.RequestEntries),
		StreamBytes:      uint32(l.StreamBytes),
		TypeBytes:        uint32(l.TypeBytes),
		MetadataEntries:  uint32(l.MetadataEntries),
		MetadataBytes:    uint32(l.MetadataBytes),
		Tags:             uint32(l.Tags),
		TagBytes:         uint32(l.TagBytes),
		RequestIdBytes:   uint32(l.RequestIDBytes),
		RequestWindow:    durationpb.New(l.RequestWindow()),
		PipelineInFlight: uint32(pipelineInFlight),
	}
}
