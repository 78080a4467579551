package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// hotStreams is how many streams are read when they are to be hot.
const hotStreams = 16

func (r *runner) readAll(ctx context.Context) (Round, error) {
	return r.window.run(ctx, role{name: "read", callers: r.Clients, open: func(_ context.Context, _ int, rec *recorder) (caller, error) {
		return caller{op: func(ctx context.Context, began time.Time) error {
			sum := 0
			err := r.driver.ReadAll(ctx, !r.Raw, func(events int) bool {
				sum += events
				rec.events.Add(int64(events))
				return !rec.over()
			})
			if err == nil && sum == 0 {
				err = fmt.Errorf("the log is empty")
			}
			return rec.done(began, 0, err) // the events are counted as they come
		}}, nil
	}})
}

func (r *runner) readStreams(ctx context.Context) (Round, error) {
	return r.window.run(ctx, r.streamReaders(r.Clients))
}

// streamReaders read streams of the data set and count their events.
func (r *runner) streamReaders(callers int) role {
	return role{name: "read streams", callers: callers, open: func(_ context.Context, i int, rec *recorder) (caller, error) {
		random := rand.New(rand.NewPCG(uint64(i), 3)) //nolint:gosec // load, not secrets
		streams := r.data.Streams
		if r.Hot {
			streams = min(streams, hotStreams)
		}
		if streams == 0 {
			return caller{}, fmt.Errorf("there is no data set to read")
		}
		return caller{op: func(ctx context.Context, began time.Time) error {
			name := r.data.Stream(random.IntN(streams))
			events, err := r.driver.ReadStream(ctx, name)
			if err == nil && events != r.data.Length {
				err = fmt.Errorf("stream %s has %d events; want %d", name, events, r.data.Length)
			}
			return rec.done(began, events, err)
		}}, nil
	}}
}
