package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/convert"
	"github.com/stet-db/stet/storage"
)

// maxPage is the most streams on one page.
const maxPage = 1000

// GetStream describes a stream as of the head at the time of the call (I7).
func (s *Service) GetStream(ctx context.Context, req *stetv1.GetStreamRequest) (*stetv1.GetStreamResponse, error) {
	var f faults
	f.add("stream", storage.StreamNameProblem(req.GetStream(), s.o.Limits))
	if err := storage.Invalid(f...); err != nil {
		return nil, err
	}
	head := s.store.Head()
	info, err := s.store.Stream(ctx, req.GetStream(), head)
	if err != nil {
		return nil, err
	}
	created, err := s.store.RecordedAt(ctx, info.First)
	if err != nil {
		return nil, fmt.Errorf("time of the first event: %w", err)
	}
	updated, err := s.store.RecordedAt(ctx, info.Last)
	if err != nil {
		return nil, fmt.Errorf("time of the last event: %w", err)
	}
	return &stetv1.GetStreamResponse{
		Stream:        info.Name,
		Version:       uint64(info.Version),
		FirstPosition: uint64(info.First),
		LastPosition:  uint64(info.Last),
		CreatedAt:     convert.Timestamp(created),
		UpdatedAt:     convert.Timestamp(updated),
		Head:          uint64(head),
	}, nil
}

// ListStreams lists a page of streams as of the head at the time of the call
// (I7). A stream that comes to be between two pages is on a later one or on
// none, by its name.
func (s *Service) ListStreams(ctx context.Context, req *stetv1.ListStreamsRequest) (*stetv1.ListStreamsResponse, error) {
	var f faults
	if req.GetPrefix() != "" {
		f.add("prefix", storage.StreamNameProblem(req.GetPrefix(), s.o.Limits))
	}
	after, problem := s.parsePageToken(req.GetPageToken(), req.GetPrefix())
	f.add("page_token", problem)
	if err := storage.Invalid(f...); err != nil {
		return nil, err
	}
	size := maxPage
	if req.GetPageSize() != 0 {
		size = int(min(req.GetPageSize(), maxPage))
	}
	head := s.store.Head()
	infos, err := s.store.Streams(ctx, storage.StreamsQuery{
		Prefix: req.GetPrefix(),
		After:  after,
		Limit:  size + 1, // the one too many tells that there is a next page
		Head:   head,
	})
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	out := &stetv1.ListStreamsResponse{Head: uint64(head)}
	if len(infos) > size {
		infos = infos[:size]
		out.NextPageToken = pageToken(infos[size-1].Name)
	}
	for _, info := range infos {
		out.Streams = append(out.Streams, &stetv1.ListStreamsResponse_Stream{
			Name:          info.Name,
			Version:       uint64(info.Version),
			FirstPosition: uint64(info.First),
		})
	}
	return out, nil
}

// pageToken stands for the page after a name. Clients must not look into it,
// so it does not look like a name.
func pageToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

// parsePageToken reads what [pageToken] wrote for the same prefix.
func (s *Service) parsePageToken(token, prefix string) (last, problem string) {
	if token == "" {
		return "", ""
	}
	name, err := base64.RawURLEncoding.Strict().DecodeString(token)
	switch {
	case err != nil || storage.TextProblem(name, s.o.Limits.StreamBytes) != "":
		return "", "is not one that this server gave; pass next_page_token as it was, or leave it out for the first page"
	case !strings.HasPrefix(string(name), prefix):
		return "", "belongs to another prefix; leave it out for the first page"
	}
	return string(name), ""
}
