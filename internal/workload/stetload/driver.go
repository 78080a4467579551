package stetload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/workload"
)

// Driver speaks to one server. Safe for concurrent use; immutable after
// [Dial].
type Driver struct {
	// conns are clients with a connection each; callers share them in turn.
	conns []*client.Client
	// raw are connections for calls that do not decode.
	raw []*grpc.ClientConn
	// url is where aggregates are asked for over HTTP, by web; empty: nowhere.
	url string
	web *http.Client
}

var _ workload.Driver = (*Driver)(nil)

// Options say how to connect.
type Options struct {
	// Connections are shared by all callers; 0: 1.
	Connections int
	// HTTP is the address of the HTTP listener, HOST:PORT; empty: not known. Each
	// caller that reads states has a connection of its own.
	HTTP string
	// Client are the options of each; NoRequestIDs is set by the driver. Raw
	// calls do not speak TLS.
	Client client.Options
}

// Dial prepares the connections to a server.
func Dial(addr string, o Options) (*Driver, error) {
	d := &Driver{web: newWeb()}
	if o.HTTP != "" {
		d.url = "http://" + o.HTTP
	}
	o.Client.NoRequestIDs = true
	for range max(o.Connections, 1) {
		c, err := client.Dial(addr, o.Client)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.conns = append(d.conns, c)
		raw, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig(),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("dial %s: %w", addr, err), d.Close())
		}
		d.raw = append(d.raw, raw)
	}
	return d, nil
}

// Close ends the connections.
func (d *Driver) Close() error {
	d.web.CloseIdleConnections()
	var errs []error
	for _, c := range d.conns {
		errs = append(errs, c.Close())
	}
	for _, c := range d.raw {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Writer makes a writing client.
func (d *Driver) Writer(ctx context.Context, o workload.WriterOptions) (workload.Writer, error) {
	w := &writer{api: d.conns[o.Client%len(d.conns)], requestIDs: o.RequestIDs}
	if o.InFlight == 0 {
		return w, nil
	}
	var err error
	if w.pipeline, err = w.api.Pipeline(ctx, client.PipelineOptions{InFlight: o.InFlight}); err != nil {
		return nil, err
	}
	w.answers = make(chan pending, o.InFlight)
	w.task.Go(w.answerLoop)
	return w, nil
}

// fillers are the pipelines that fill a data set.
const (
	fillers      = 8
	fillInFlight = 256
)

// Fill writes a data set through pipelines. Each owns every eighth stream, so
// that all streams grow together and the log is not in the order of streams.
func (d *Driver) Fill(ctx context.Context, set workload.Dataset, p *workload.Payload, progress func(events int)) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var mu sync.Mutex // for progress
	var tasks sync.WaitGroup
	for i := range fillers {
		tasks.Go(func() {
			if err := d.fill(ctx, i, set, p, func(events int) {
				mu.Lock()
				defer mu.Unlock()
				progress(events)
			}); err != nil {
				fail(err)
			}
		})
	}
	tasks.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("fill %s: %w", set.Name, err)
	}
	return nil
}

func (d *Driver) fill(ctx context.Context, i int, set workload.Dataset, p *workload.Payload, progress func(int)) error {
	w, err := d.Writer(ctx, workload.WriterOptions{Client: i, InFlight: fillInFlight})
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	done := func(err error) {
		if err != nil {
			select {
			case failed <- err:
			default: // the first one is enough
			}
		}
	}
	for n := range set.Length {
		sent := 0
		for stream := i; stream < set.Streams; stream += fillers {
			a := &workload.Append{Stream: set.Stream(stream), Events: p.Events(n*set.Streams+stream, 1)}
			if err := w.Send(ctx, a, done); err != nil {
				return errors.Join(err, w.Close())
			}
			if sent++; sent%1000 == 0 {
				progress(1000)
			}
		}
		progress(sent % 1000)
	}
	if err := w.Close(); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
