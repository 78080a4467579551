package client_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stet-db/stet/client"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

type readAllStream = grpc.ServerStreamingServer[stetv1.ReadAllResponse]

// collect gives the positions of a read up to its end or error.
func collect(events iter.Seq2[*stetv1.RecordedEvent, error]) (positions []uint64, err error) {
	for e, err := range events {
		if err != nil {
			return positions, err
		}
		positions = append(positions, e.GetPosition())
	}
	return positions, nil
}

// answers are four messages of a read: two with events, one with progress only,
// and the last.
func answers() []*stetv1.ReadAllResponse {
	return []*stetv1.ReadAllResponse{
		{Events: []*stetv1.RecordedEvent{recorded("a-1", 1, 1), recorded("a-1", 2, 2)}, ScannedTo: 2, Head: 9},
		{ScannedTo: 5, Head: 9},
		{Events: []*stetv1.RecordedEvent{recorded("a-1", 3, 6)}, ScannedTo: 6, Head: 9},
		{ScannedTo: 9, Head: 9, Done: true},
	}
}

// An iterator is never short in silence: whatever message the connection breaks
// after, and however the answer ends early, there is an error.
func TestAReadThatEndsEarlyEndsWithAnError(t *testing.T) {
	for sent := range len(answers()) {
		for name, end := range map[string]error{
			"the connection breaks":   errCut,
			"the server shuts down":   refusal(codes.Unavailable, "SHUTTING_DOWN"),
			"the data is damaged":     refusal(codes.DataLoss, "DATA_DAMAGED"),
			"the server ends with OK": nil,
		} {
			f := &fake{}
			f.readAll = func(_ int, _ *stetv1.ReadAllRequest, s readAllStream) error {
				for _, m := range answers()[:sent] {
					if err := s.Send(m); err != nil {
						return err
					}
				}
				if errors.Is(end, errCut) {
					f.cut()
					return nil
				}
				return end
			}
			c, _ := dial(t, f.start(t).addr, client.Options{Attempts: 2})
			got, err := collect(c.ReadAll(limited(t), client.LogRead{}))
			if err == nil {
				t.Errorf("%s after %d messages: ended without error after %v", name, sent, got)
			}
			switch {
			case end == nil && !is[*client.ProtocolError](err),
				client.Reason(end) == "DATA_DAMAGED" && !is[*client.Damaged](err),
				client.Reason(end) == "SHUTTING_DOWN" && !is[*client.Unavailable](err):
				t.Errorf("%s after %d messages: %v", name, sent, err)
			}
		}
	}
}

var errCut = errors.New("cut the connection")

func TestACompleteReadGivesEventsProgressAndHead(t *testing.T) {
	var want *stetv1.ReadAllRequest
	f := &fake{readAll: func(_ int, r *stetv1.ReadAllRequest, s readAllStream) error {
		if !proto.Equal(r, want) {
			t.Errorf("asked %v, want %v", r, want)
		}
		for _, m := range answers() {
			if err := s.Send(m); err != nil {
				return err
			}
		}
		return nil
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	from := time.Unix(100, 5).UTC()
	read := client.LogRead{From: 3, FromTime: from, UntilTime: from.Add(1), Backwards: true, Limit: 7, Filter: client.Filter{
		{StreamPrefixes: []string{"a"}, Categories: []string{"b"}, Types: []string{"c"}, AllTags: []string{"d", "e"}, CorrelationIDs: []string{"g"}}, {Types: []string{"f"}},
	}}
	want = &stetv1.ReadAllRequest{
		FromPosition: 3, FromTime: timestamppb.New(from), UntilTime: timestamppb.New(from.Add(1)), Backwards: true, Limit: 7,
		Filter: &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{
			{StreamPrefixes: []string{"a"}, Categories: []string{"b"}, Types: []string{"c"}, AllTags: []string{"d", "e"}, CorrelationIds: []string{"g"}}, {Types: []string{"f"}},
		}},
	}
	got, err := collect(c.ReadAll(limited(t), read))
	if err != nil || !cmp.Equal(got, []uint64{1, 2, 6}) {
		t.Errorf("%v %v", got, err)
	}
	var scanned []uint64
	for b, err := range c.ReadAllBatches(limited(t), read) {
		if err != nil || b.GetHead() != 9 {
			t.Fatalf("%v %v", b, err)
		}
		scanned = append(scanned, b.GetScannedTo())
	}
	if !cmp.Equal(scanned, []uint64{2, 5, 6, 9}) {
		t.Errorf("scanned to %v", scanned)
	}
}

func TestAReadIsBegunAgainOnlyBeforeItsFirstAnswer(t *testing.T) {
	f := &fake{}
	f.readStream = func(n int, r *stetv1.ReadStreamRequest, s grpc.ServerStreamingServer[stetv1.ReadStreamResponse]) error {
		if n == 1 {
			f.cut()
			return nil
		}
		if r.GetStream() != "a-1" || r.GetFromVersion() != 2 {
			t.Errorf("asked %v", r)
		}
		return s.Send(&stetv1.ReadStreamResponse{Events: []*stetv1.RecordedEvent{recorded("a-1", 2, 4)}, Done: true})
	}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	got, err := collect(c.ReadStream(limited(t), client.StreamRead{Stream: "a-1", From: 2}))
	if err != nil || !cmp.Equal(got, []uint64{4}) || f.count() != 2 {
		t.Errorf("%v %v after %d calls", got, err, f.count())
	}
}

func TestAnAnswerAfterTheEndIsAnError(t *testing.T) {
	f := &fake{readAll: func(_ int, _ *stetv1.ReadAllRequest, s readAllStream) error {
		if err := s.Send(&stetv1.ReadAllResponse{Done: true}); err != nil {
			return err
		}
		return s.Send(&stetv1.ReadAllResponse{Events: []*stetv1.RecordedEvent{recorded("a-1", 1, 1)}})
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	if _, err := collect(c.ReadAll(limited(t), client.LogRead{})); !is[*client.ProtocolError](err) {
		t.Error(err)
	}
}

func TestLeavingTheLoopEndsTheCall(t *testing.T) {
	left := make(chan struct{})
	f := &fake{readAll: func(_ int, _ *stetv1.ReadAllRequest, s readAllStream) error {
		defer close(left)
		for i := uint64(1); ; i++ {
			if err := s.Send(&stetv1.ReadAllResponse{Events: []*stetv1.RecordedEvent{recorded("a-1", i, i)}}); err != nil {
				return err
			}
		}
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	for e, err := range c.ReadAll(limited(t), client.LogRead{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.GetPosition() == 3 {
			break
		}
	}
	select {
	case <-left:
	case <-limited(t).Done():
		t.Error("the server still sends")
	}
}

func TestAFaultyFilterIsRefusedWithoutACall(t *testing.T) {
	c, _ := dial(t, (&fake{}).start(t).addr, client.Options{})
	_, err := collect(c.ReadAll(limited(t), client.LogRead{Filter: client.Filter{{}, {Types: []string{"a", "\xff"}}}}))
	var invalid *client.InvalidRequest
	if !errors.As(err, &invalid) || invalid.Violations[0].Field != "filter.any_of[1].types[1]" {
		t.Error(err)
	}
}

func TestAReadWhoseContextEndsSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &fake{readAll: func(_ int, _ *stetv1.ReadAllRequest, s readAllStream) error {
		if err := s.Send(answers()[0]); err != nil {
			return err
		}
		<-s.Context().Done()
		return s.Context().Err()
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	var err error
	for _, err = range c.ReadAll(ctx, client.LogRead{}) {
		cancel()
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestStreamsAreListedOverAllPages(t *testing.T) {
	f := &fake{listStreams: func(_ int, r *stetv1.ListStreamsRequest) (*stetv1.ListStreamsResponse, error) {
		if r.GetPrefix() != "cart-" {
			t.Errorf("asked %v", r)
		}
		switch r.GetPageToken() {
		case "":
			return &stetv1.ListStreamsResponse{Streams: []*stetv1.ListStreamsResponse_Stream{{Name: "cart-1"}, {Name: "cart-2"}}, NextPageToken: "x"}, nil
		case "x": // a page may be empty
			return &stetv1.ListStreamsResponse{NextPageToken: "y"}, nil
		case "y":
			return &stetv1.ListStreamsResponse{Streams: []*stetv1.ListStreamsResponse_Stream{{Name: "cart-3"}}}, nil
		default:
			return nil, refusal(codes.InvalidArgument, "INVALID_REQUEST")
		}
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	var names []string
	for s, err := range c.ListStreams(limited(t), "cart-") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, s.GetName())
	}
	if !cmp.Equal(names, []string{"cart-1", "cart-2", "cart-3"}) {
		t.Error(names)
	}
}

func TestAListThatLeadsBackToItselfIsAnError(t *testing.T) {
	f := &fake{listStreams: func(int, *stetv1.ListStreamsRequest) (*stetv1.ListStreamsResponse, error) {
		return &stetv1.ListStreamsResponse{NextPageToken: "x"}, nil
	}}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	var last error
	for _, err := range c.ListStreams(limited(t), "") {
		last = err
	}
	if !is[*client.ProtocolError](last) || f.count() != 2 {
		t.Errorf("%v after %d calls", last, f.count())
	}
}

func TestASimpleQuestionIsAskedAgainWhileTheServerIsAway(t *testing.T) {
	f := &fake{}
	f.getHead = func(n int) (*stetv1.GetHeadResponse, error) {
		if n < 3 {
			f.cut()
		}
		return &stetv1.GetHeadResponse{Head: 12, HistoryId: "h"}, nil
	}
	c, _ := dial(t, f.start(t).addr, client.Options{})
	head, err := c.Head(limited(t))
	if err != nil || head.GetHead() != 12 {
		t.Error(head, err)
	}
	if _, err := c.Info(limited(t)); err == nil || is[*client.Unavailable](err) {
		t.Errorf("%v; want that the fake does not know this", err)
	}
}
