package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stet-db/stet/internal/workload"
)

// ReadAll uses an ordered consumer, as the client's documentation tells to.
func (d *natsDriver) ReadAll(ctx context.Context, decode bool, seen func(int) bool) error {
	js, err := jetstream.New(d.conn(), jetstream.WithDefaultTimeout(natsWait))
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, natsStream)
	if err != nil {
		return err
	}
	left := stream.CachedInfo().State.Msgs
	consumer, err := js.OrderedConsumer(ctx, natsStream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(5000))
	if err != nil {
		return err
	}
	defer messages.Stop()
	n := 0
	for ; left > 0; left-- {
		m, err := messages.Next()
		if err != nil {
			return err
		}
		if decode {
			if _, err := m.Metadata(); err != nil || m.Headers() == nil {
				return fmt.Errorf("a message without its metadata: %w", err)
			}
		}
		if n++; n == 80 {
			n = 0
			if !seen(80) {
				return nil
			}
		}
	}
	seen(n)
	return nil
}

// natsReader asks for the messages of a subject and gets them at an inbox.
type natsReader struct {
	conn  *nats.Conn
	inbox string
	sub   *nats.Subscription
}

func (d *natsDriver) reader() (*natsReader, error) {
	select {
	case r := <-d.readers:
		return r, nil
	default:
	}
	r := &natsReader{conn: d.conn()}
	r.inbox = r.conn.NewInbox()
	var err error
	r.sub, err = r.conn.SubscribeSync(r.inbox)
	return r, err
}

// mostOfStream bounds the messages of one answer.
const mostOfStream = 1000

// ReadStream asks with a direct get, the shortest way that JetStream has.
func (d *natsDriver) ReadStream(ctx context.Context, stream string) (int, error) {
	r, err := d.reader()
	if err != nil {
		return 0, err
	}
	request, err := json.Marshal(map[string]any{"seq": 1, "batch": mostOfStream, "next_by_subj": "ev." + stream})
	if err != nil {
		return 0, err
	}
	if err := r.conn.PublishRequest("$JS.API.DIRECT.GET."+natsStream, r.inbox, request); err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		m, err := r.sub.NextMsgWithContext(ctx)
		if err != nil {
			return n, err
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204": // the end of the answer
			d.readers <- r
			return n, nil
		default:
			return n, fmt.Errorf("read %s: status %s %s", stream, status, m.Header.Get("Description"))
		}
	}
}

// Follow uses an ordered push consumer, the fastest one for live events.
func (d *natsDriver) Follow(ctx context.Context, decode bool, ready, seen func(uint64)) error {
	js, err := d.conn().JetStream(nats.MaxWait(natsWait))
	if err != nil {
		return err
	}
	info, err := js.StreamInfo(natsStream)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	sub, err := js.Subscribe(natsSubjects, func(m *nats.Msg) {
		at, err := m.Metadata()
		if err != nil || decode && m.Header == nil {
			select {
			case failed <- fmt.Errorf("a message without its metadata: %w", err):
			default: // the first one is enough
			}
			return
		}
		seen(at.Sequence.Stream)
	}, nats.OrderedConsumer(), nats.DeliverNew(), nats.BindStream(natsStream))
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return errors.Join(err, sub.Unsubscribe())
	}
	ready(info.State.LastSeq)
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, sub.Unsubscribe())
}

var _ workload.Driver = (*natsDriver)(nil)
