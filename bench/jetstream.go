package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/stet-db/stet/internal/workload"
)

const (
	natsStream   = "EVENTS"
	natsSubjects = "ev.>"
	natsWait     = 30 * time.Second
)

// jetStream is one NATS server with a file stream; always syncs each write
// before its acknowledgement, else it is synced every two minutes.
func jetStream(connections int, always bool) system {
	name := "JetStream"
	if !always {
		name = "JetStream, default sync"
	}
	return system{name: name, durable: always, start: func(ctx context.Context, dir string, filling bool) (*running, error) {
		c, err := startChild("nats-server", "-dir", dir, fmt.Sprintf("-sync-always=%v", always && !filling))
		if err != nil {
			return nil, err
		}
		d, err := dialNATS(ctx, c.addr, connections)
		if err != nil {
			return nil, errors.Join(err, c.stop())
		}
		return &running{
			driver: d, pid: c.cmd.Process.Pid, version: d.conns[0].ConnectedServerVersion(), took: c.took,
			stop: func() error { d.close(); return c.stop() },
		}, nil
	}}
}

// natsDriver speaks to a NATS server.
type natsDriver struct {
	conns   []*nats.Conn
	turn    atomic.Uint64
	readers chan *natsReader // those that nobody uses
}

func dialNATS(ctx context.Context, url string, connections int) (*natsDriver, error) {
	d := &natsDriver{readers: make(chan *natsReader, 1024)}
	for range connections {
		c, err := nats.Connect(url, nats.MaxReconnects(0), nats.Timeout(natsWait))
		if err != nil {
			d.close()
			return nil, err
		}
		d.conns = append(d.conns, c)
	}
	js, err := jetstream.New(d.conns[0], jetstream.WithDefaultTimeout(natsWait))
	if err == nil {
		_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: natsStream, Subjects: []string{natsSubjects}, Storage: jetstream.FileStorage, AllowDirect: true, AllowAtomicPublish: true,
		})
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *natsDriver) close() {
	for _, c := range d.conns {
		c.Close()
	}
}

func (d *natsDriver) conn() *nats.Conn { return d.conns[int(d.turn.Add(1))%len(d.conns)] }

// natsMessage is an event: type and metadata in headers, the stream in the
// subject.
func natsMessage(a *workload.Append, i int) *nats.Msg {
	e := &a.Events[i]
	h := nats.Header{"Type": {e.Type}}
	for k, v := range e.Metadata {
		h[k] = []string{v}
	}
	if a.Unmet && i == 0 {
		h[nats.ExpectedLastSubjSeqHdr] = []string{"1099511627776"}
	}
	return &nats.Msg{Subject: "ev." + a.Stream, Header: h, Data: []byte(e.JSON)}
}

func (d *natsDriver) Writer(_ context.Context, o workload.WriterOptions) (workload.Writer, error) {
	w := &natsWriter{conn: d.conns[o.Client%len(d.conns)], client: o.Client, ids: o.RequestIDs}
	options := []jetstream.JetStreamOpt{jetstream.WithDefaultTimeout(natsWait)}
	if o.InFlight > 0 {
		options = append(options, jetstream.WithPublishAsyncMaxPending(o.InFlight))
	}
	var err error
	if w.js, err = jetstream.New(w.conn, options...); err != nil {
		return nil, err
	}
	if o.InFlight > 0 {
		w.slots, w.answers = make(chan struct{}, o.InFlight), make(chan natsPending, o.InFlight)
		w.tasks.Go(w.answerLoop)
	}
	return w, nil
}

type natsPending struct {
	future jetstream.PubAckFuture
	done   func(error)
}

// natsWriter is one client.
type natsWriter struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	client  int
	ids     bool
	sent    int
	slots   chan struct{}
	answers chan natsPending
	tasks   sync.WaitGroup
}

func natsJudged(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return fmt.Errorf("%w: %w", workload.ErrConflict, err)
	}
	return err
}

func (w *natsWriter) message(a *workload.Append, i int) *nats.Msg {
	m := natsMessage(a, i)
	if w.ids {
		w.sent++
		m.Header[nats.MsgIdHdr] = []string{fmt.Sprintf("%d-%d-%d", w.client, w.sent, time.Now().UnixNano())}
	}
	return m
}

func (w *natsWriter) Append(ctx context.Context, a *workload.Append) (uint64, error) {
	if len(a.Events) > 1 {
		return w.batch(ctx, a)
	}
	ack, err := w.js.PublishMsg(ctx, w.message(a, 0))
	if err != nil {
		return 0, natsJudged(err)
	}
	return ack.Sequence, nil
}

// batch publishes atomically: the last message commits and is answered.
func (w *natsWriter) batch(ctx context.Context, a *workload.Append) (uint64, error) {
	w.sent++
	id := fmt.Sprintf("%d-%d-%d", w.client, w.sent, time.Now().UnixNano())
	for i := range a.Events {
		m := natsMessage(a, i)
		m.Header["Nats-Batch-Id"] = []string{id}
		m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		if i < len(a.Events)-1 {
			if err := w.conn.PublishMsg(m); err != nil {
				return 0, err
			}
			continue
		}
		m.Header["Nats-Batch-Commit"] = []string{"1"}
		answer, err := w.conn.RequestMsgWithContext(ctx, m)
		if err != nil {
			return 0, err
		}
		var ack struct {
			Error    *jetstream.APIError `json:"error"`
			Sequence uint64              `json:"seq"`
		}
		if err := json.Unmarshal(answer.Data, &ack); err != nil {
			return 0, err
		}
		if ack.Error != nil {
			return 0, natsJudged(ack.Error)
		}
		return ack.Sequence, nil
	}
	return 0, fmt.Errorf("an append without events")
}

func (w *natsWriter) Send(ctx context.Context, a *workload.Append, done func(error)) error {
	if len(a.Events) > 1 {
		return fmt.Errorf("pipelined batches: %w", workload.ErrUnsupported)
	}
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	future, err := w.js.PublishMsgAsync(w.message(a, 0))
	if err != nil {
		<-w.slots
		return err
	}
	w.answers <- natsPending{future, done}
	return nil
}

func (w *natsWriter) answerLoop() {
	for p := range w.answers {
		select {
		case <-p.future.Ok():
			p.done(nil)
		case err := <-p.future.Err():
			p.done(natsJudged(err))
		}
		<-w.slots
	}
}

func (w *natsWriter) Close() error {
	if w.answers != nil {
		close(w.answers)
	}
	w.tasks.Wait()
	return nil
}

func (d *natsDriver) Fill(ctx context.Context, set workload.Dataset, p *workload.Payload, progress func(int)) error {
	w, err := d.Writer(ctx, workload.WriterOptions{InFlight: 4096})
	if err != nil {
		return err
	}
	var failed atomic.Pointer[error]
	for i := range set.Events() {
		a := &workload.Append{Stream: set.Stream(i % set.Streams), Events: p.Events(i, 1)}
		err := w.Send(ctx, a, func(err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
		if err != nil {
			return errors.Join(err, w.Close())
		}
		if i%1000 == 999 {
			progress(1000)
		}
	}
	progress(set.Events() % 1000)
	err = w.Close()
	if first := failed.Load(); first != nil {
		err = errors.Join(err, *first)
	}
	return err
}
