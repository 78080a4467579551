package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// requestIDKey is the header with the name of a call, in both directions. It
// serves to find a call in logs; the request_id of an append is another thing.
const requestIDKey = "x-request-id"

// requestIDBytes bounds a name given by a client.
const requestIDBytes = 128

// requestIDs names every call: as the client does, or else with a random
// prefix of this process and a number.
type requestIDs struct {
	prefix string
	last   atomic.Uint64
}

func newRequestIDs() *requestIDs {
	var random [6]byte
	rand.Read(random[:]) // never fails, by its contract since Go 1.24
	return &requestIDs{prefix: hex.EncodeToString(random[:]) + "-"}
}

type requestIDContextKey struct{}

// requestIDOf is the name of the call that a context belongs to.
func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDContextKey{}).(string) // absent outside a call
	return id
}

func (r *requestIDs) name(ctx context.Context) (context.Context, metadata.MD) {
	id := r.next(metadata.ValueFromIncomingContext(ctx, requestIDKey))
	return context.WithValue(ctx, requestIDContextKey{}, id), metadata.MD{requestIDKey: {id}}
}

// next is the name of a call by the values of its header.
func (r *requestIDs) next(given []string) string {
	if len(given) == 1 && plain(given[0]) {
		return given[0]
	}
	return r.prefix + strconv.FormatUint(r.last.Add(1), 10)
}

// plain tells whether a client's name can be shown in a log as it is.
func plain(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return 0 < len(id) && len(id) <= requestIDBytes
}

func (r *requestIDs) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, header := r.name(ctx)
	if err := grpc.SetHeader(ctx, header); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (r *requestIDs) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, header := r.name(stream.Context())
	if err := stream.SetHeader(header); err != nil {
		return err
	}
	return handler(srv, &contextStream{stream, ctx})
}
