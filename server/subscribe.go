package server

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/fault"
	"github.com/stet-db/stet/replay/cursor"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// Subscribe follows the log until the caller, the store or the server ends it.
// What is delivered, and how, is up to package cursor (I6, I10).
func (s *Service) Subscribe(req *stetv1.SubscribeRequest, stream grpc.ServerStream) error {
	selection, start, err := s.subscription(req)
	if err != nil {
		return err
	}
	history := s.store.Info().History
	if known := req.GetHistoryId(); known != "" && known != history.String() {
		return &storage.HistoryChangedError{Known: known, Actual: history}
	}
	if err := s.subscriptions.take(); err != nil {
		return err
	}
	defer s.subscriptions.leave()
	ctx, stop := s.untilDraining(stream.Context())
	defer stop()
	c, err := cursor.Open(ctx, s.store, selection, start)
	if err != nil {
		if s.isDraining() {
			return storage.ErrShuttingDown
		}
		return err
	}
	if err := stream.SendMsg(startedMessage(history, c)); err != nil {
		return err
	}
	return s.follow(ctx, c, stream)
}

// follow sends what the cursor brings, and progress from time to time.
func (s *Service) follow(ctx context.Context, c *cursor.Cursor, stream grpc.ServerStream) error {
	for {
		tick, stop := context.WithTimeout(ctx, s.o.ProgressEvery)
		err := forward(tick, c, stream)
		stop()
		ticked := ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded)
		ending := s.isDraining() && errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrShuttingDown)
		if !ticked && !ending {
			return err
		}
		if err := stream.SendMsg(stepMessage(c.Place())); err != nil {
			return err
		}
		if ending {
			return storage.ErrShuttingDown
		}
	}
}

// forward sends steps until an error, which may be that ctx ended.
func forward(ctx context.Context, c *cursor.Cursor, stream grpc.ServerStream) error {
	for {
		step, err := c.Next(ctx)
		if err != nil {
			return err
		}
		if err := fault.Fail(fault.StepSent); err != nil {
			return err
		}
		if err := stream.SendMsg(stepMessage(step)); err != nil {
			return err
		}
	}
}

// untilDraining is a context that also ends when the service drains. stop
// waits for its goroutine.
func (s *Service) untilDraining(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-s.draining:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel()
		watch.Wait()
	}
}

// subscription converts and checks a request.
func (s *Service) subscription(req *stetv1.SubscribeRequest) (cursor.Selection, cursor.Start, error) {
	var f faults
	selection := cursor.Selection{Filter: f.filter(req.GetFilter(), s.o.Limits)}
	switch source := req.GetSource().(type) {
	case *stetv1.SubscribeRequest_Stream:
		selection.Stream = source.Stream
		f.add("stream", storage.StreamNameProblem(source.Stream, s.o.Limits))
	case *stetv1.SubscribeRequest_Category:
		selection.Category = source.Category
		f.add("category", storage.CategoryProblem(source.Category, s.o.Limits))
	}
	start := cursor.Beginning()
	switch from := req.GetStart().(type) {
	case *stetv1.SubscribeRequest_After:
		start = cursor.After(from.After)
	case *stetv1.SubscribeRequest_FromTime:
		if at := f.instant("from_time", from.FromTime); at != nil {
			start = cursor.At(*at)
		}
	case *stetv1.SubscribeRequest_FromNow:
		start = cursor.Now()
		if !from.FromNow {
			f.add("from_now", "is false; set it to true, or leave it out to start at the beginning")
		}
	}
	return selection, start, storage.Invalid(f...)
}

// startedMessage is the first message.
func startedMessage(history storage.HistoryID, c *cursor.Cursor) *stetv1.SubscribeResponse {
	place := c.Place()
	return &stetv1.SubscribeResponse{Started: &stetv1.SubscribeResponse_Started{
		HistoryId:     history.String(),
		StartPosition: uint64(place.ScannedTo),
		Cursor:        place.Cursor,
		Head:          uint64(c.Pinned()), // from now means from here
	}}
}

// stepMessage is the message that tells a step.
func stepMessage(step cursor.Step) any {
	head := uint64(step.Head)
	switch step.Kind {
	case cursor.CaughtUp:
		notice := &stetv1.SubscribeResponse_CaughtUp{Cursor: step.Cursor, Head: head}
		return &stetv1.SubscribeResponse{CaughtUp: notice}
	case cursor.FellBehind:
		notice := &stetv1.SubscribeResponse_FellBehind{Cursor: step.Cursor, Head: head}
		return &stetv1.SubscribeResponse{FellBehind: notice}
	case cursor.Progress:
		notice := &stetv1.SubscribeResponse_Progress{Cursor: step.Cursor, ScannedTo: uint64(step.ScannedTo), Head: head}
		return &stetv1.SubscribeResponse{Progress: notice}
	default:
		return &wire.Events{Frames: step.Frames}
	}
}
