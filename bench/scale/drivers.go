package scale

import (
	"context"
	"fmt"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/workload"
	"github.com/stet-db/stet/internal/workload/stetload"
)

// firstEvents reads the first event of a stream where others read it whole: the
// same work at each size of the log.
type firstEvents struct {
	*stetload.Driver
	api *client.Client
}

var _ workload.Driver = (*firstEvents)(nil)

// ReadStream is [workload.Driver.ReadStream] for one event.
func (d *firstEvents) ReadStream(ctx context.Context, stream string) (int, error) {
	n := 0
	for batch, err := range d.api.ReadStreamBatches(ctx, client.StreamRead{Stream: stream, Limit: 1}) {
		if err != nil {
			return n, err
		}
		n += len(batch.GetEvents())
	}
	return n, nil
}

// newest asks for the newest event, which a log that is not empty must have at
// its head, and gives the head.
func newest(ctx context.Context, api *client.Client) (uint64, error) {
	head := uint64(0)
	for batch, err := range api.ReadAllBatches(ctx, client.LogRead{Backwards: true, Limit: 1}) {
		if err != nil {
			return 0, err
		}
		head = batch.GetHead()
		for _, e := range batch.GetEvents() {
			if e.GetPosition() != head {
				return 0, fmt.Errorf("the newest event has position %d and the head is %d", e.GetPosition(), head)
			}
		}
	}
	return head, nil
}
