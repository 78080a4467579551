package server

import (
	"context"
	"iter"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// countingStream takes messages and counts them.
type countingStream struct {
	grpc.ServerStream
	ctx  context.Context
	sent int
}

func (s *countingStream) Context() context.Context { return s.ctx }

func (s *countingStream) SendMsg(any) error {
	s.sent++
	return nil
}

// TestAPanicOfAPassMadeAheadReachesTheCall: the pass runs in a goroutine of its
// own while pages are sent, where no interceptor would recover it.
func TestAPanicOfAPassMadeAheadReachesTheCall(t *testing.T) {
	event := record.AppendRecorded(nil, "a-1", 1, 1, 1, &storage.NewEvent{})
	s := &scan{
		span: span64{from: 1, until: 1 << 20}, end: func() uint64 { return 1<<20 - 1 },
		matcher: record.NewMatcher(storage.Filter{}, record.Source{}),
		read: func(_ context.Context, r span64) iter.Seq2[storage.Recorded, error] {
			return func(yield func(storage.Recorded, error) bool) {
				for p := r.from; ; p++ {
					if r.from > 1 {
						panic("a bug of the store")
					}
					if !yield(storage.Recorded{Position: storage.Position(p), Wire: event}, nil) {
						return
					}
				}
			}
		},
		number:  func(e storage.Recorded) (uint64, error) { return uint64(e.Position), nil },
		trailer: func(uint64, bool) proto.Message { return &stetv1.ReadAllResponse{} },
	}
	stream := &countingStream{ctx: t.Context()}
	defer func() {
		if text, ok := recover().(string); !ok || !strings.Contains(text, "a bug of the store") {
			t.Errorf("recovered %q, want what the store panicked with", text)
		}
		if stream.sent == 0 {
			t.Error("nothing of the pass before was sent")
		}
	}()
	err := s.run(stream)
	t.Errorf("the read ended with %v", err)
}
