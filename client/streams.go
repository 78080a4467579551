package client

import (
	"context"
	"iter"

	"google.golang.org/grpc"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// GetStream describes one stream: its version, the positions and times of its
// first and last event, and the head that this was seen at. [*NotFound] when it
// was never written to.
func (c *Client) GetStream(ctx context.Context, stream string) (*stetv1.GetStreamResponse, error) {
	k := call{op: "describe", stream: stream}
	var faults faults
	faults.text("stream", stream)
	if err := faults.err(k); err != nil {
		return nil, err
	}
	return ask(ctx, c, k, func(opts ...grpc.CallOption) (*stetv1.GetStreamResponse, error) {
		return c.api.GetStream(ctx, &stetv1.GetStreamRequest{Stream: stream}, opts...)
	})
}

// ListStreams yields the streams whose names begin with prefix, in the byte
// order of their names; with an empty prefix all whose names do not begin with
// "$". It asks for page after page, each as of the head then. It ends when all
// were given, or with an error.
func (c *Client) ListStreams(ctx context.Context, prefix string) iter.Seq2[*stetv1.ListStreamsResponse_Stream, error] {
	return func(yield func(*stetv1.ListStreamsResponse_Stream, error) bool) {
		k := call{op: "list streams"}
		var faults faults
		faults.text("prefix", prefix)
		if err := faults.err(k); err != nil {
			yield(nil, err)
			return
		}
		for token := ""; ; {
			page, err := c.page(ctx, k, prefix, token)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, s := range page.GetStreams() {
				if !yield(s, nil) {
					return
				}
			}
			if token = page.GetNextPageToken(); token == "" {
				return
			}
		}
	}
}

// page asks for one page. One that leads back to itself is an error, not a loop
// without end.
func (c *Client) page(ctx context.Context, k call, prefix, token string) (*stetv1.ListStreamsResponse, error) {
	page, err := ask(ctx, c, k, func(opts ...grpc.CallOption) (*stetv1.ListStreamsResponse, error) {
		return c.api.ListStreams(ctx, &stetv1.ListStreamsRequest{Prefix: prefix, PageToken: token}, opts...)
	})
	if err == nil && token != "" && page.GetNextPageToken() == token {
		return nil, protocolError(k, "a page of the list leads back to itself")
	}
	return page, err
}

// Head tells how far the log reaches, when its newest event was recorded, and
// its history id.
func (c *Client) Head(ctx context.Context) (*stetv1.GetHeadResponse, error) {
	return ask(ctx, c, call{op: "ask for the head"}, func(opts ...grpc.CallOption) (*stetv1.GetHeadResponse, error) {
		return c.api.GetHead(ctx, &stetv1.GetHeadRequest{}, opts...)
	})
}

// Info tells what the server is and what it allows.
func (c *Client) Info(ctx context.Context) (*stetv1.GetServerInfoResponse, error) {
	return ask(ctx, c, call{op: "ask what the server is"}, func(opts ...grpc.CallOption) (*stetv1.GetServerInfoResponse, error) {
		return c.api.GetServerInfo(ctx, &stetv1.GetServerInfoRequest{}, opts...)
	})
}

// ask makes a call that changes nothing, repeating it where that may help.
func ask[M any](ctx context.Context, c *Client, k call, once func(...grpc.CallOption) (*M, error)) (*M, error) {
	var response *M
	err := c.try(ctx, k, func(opts ...grpc.CallOption) (err error) {
		response, err = once(opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}
