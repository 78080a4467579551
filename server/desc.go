package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// serviceDesc is the generated descriptor with handlers that take and give the
// messages of package wire where a call is hot. Generated handlers could not:
// they name the generated message types.
func serviceDesc() *grpc.ServiceDesc {
	desc := stetv1.EventStore_ServiceDesc
	desc.HandlerType = (*any)(nil) // the handlers below know the type
	desc.Methods = slices.Clone(desc.Methods)
	desc.Streams = slices.Clone(desc.Streams)
	unaries := unaryHandlers()
	for i := range desc.Methods {
		m := &desc.Methods[i]
		m.Handler = unaries[m.MethodName](fullMethod(m.MethodName))
	}
	streams := streamHandlers()
	for i := range desc.Streams {
		d := &desc.Streams[i]
		d.Handler = withStatus(fullMethod(d.StreamName), streams[d.StreamName])
	}
	return &desc
}

func fullMethod(name string) string {
	return fmt.Sprintf("/%s/%s", stetv1.EventStore_ServiceDesc.ServiceName, name)
}

// unaryHandlers are the handlers by the method's name, each made for the
// method's full name.
func unaryHandlers() map[string]func(string) grpc.MethodHandler {
	return map[string]func(string) grpc.MethodHandler{
		"Append":        unary((*Service).Append),
		"AppendAtomic":  unary((*Service).AppendAtomic),
		"GetStream":     unary((*Service).GetStream),
		"ListStreams":   unary((*Service).ListStreams),
		"GetHead":       unary((*Service).GetHead),
		"GetServerInfo": unary((*Service).GetServerInfo),
	}
}

func streamHandlers() map[string]func(*Service, grpc.ServerStream) error {
	return map[string]func(*Service, grpc.ServerStream) error{
		"AppendPipeline": (*Service).AppendPipeline,
		"ReadStream":     serverStreaming((*Service).ReadStream),
		"ReadAll":        serverStreaming((*Service).ReadAll),
		"Subscribe":      serverStreaming((*Service).Subscribe),
	}
}

// unary makes the handler of a unary method: what generated code does, and the
// mapping of errors, inside the interceptors so that they see statuses.
func unary[Req, Res any](call func(*Service, context.Context, *Req) (*Res, error)) func(string) grpc.MethodHandler {
	return func(method string) grpc.MethodHandler {
		return func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			s := srv.(*Service)
			in := new(Req)
			fault, err := receive(in, decode)
			if err != nil {
				return nil, err
			}
			handle := func(ctx context.Context, req any) (any, error) {
				if fault != nil {
					return nil, s.failed(ctx, method, fault)
				}
				out, err := call(s, ctx, req.(*Req))
				if err != nil {
					return nil, s.failed(ctx, method, err)
				}
				return out, nil
			}
			if intercept == nil {
				return handle(ctx, in)
			}
			return intercept(ctx, in, &grpc.UnaryServerInfo{Server: s, FullMethod: method}, handle)
		}
	}
}

// serverStreaming receives the one request of a call that answers with a
// stream.
func serverStreaming[Req any](call func(*Service, *Req, grpc.ServerStream) error) func(*Service, grpc.ServerStream) error {
	return func(s *Service, stream grpc.ServerStream) error {
		in := new(Req)
		if err := s.receiveInTime(in, stream); err != nil {
			return err
		}
		return call(s, in, stream)
	}
}

// receiveInTime receives the request within [requestTimeout]. Only the return
// of the call unblocks a receive, so that has a goroutine, which ends then.
func (s *Service) receiveInTime(in any, stream grpc.ServerStream) error {
	received := make(chan error, 1)
	s.receivers.Go(func() {
		fault, err := receive(in, stream.RecvMsg)
		if err == nil {
			err = fault
		}
		received <- err
	})
	late := time.NewTimer(requestTimeout)
	defer late.Stop()
	select {
	case err := <-received:
		return err
	case <-late.C:
		return fmt.Errorf("the request was not received in %v: %w", requestTimeout, context.DeadlineExceeded)
	}
}

// receive decodes a request. What is wrong with its form is a fault of the
// caller, told apart from an error of the call.
func receive(in any, decode func(any) error) (fault, err error) {
	message, ok := in.(proto.Message)
	if !ok {
		return nil, decode(in) // of package wire: it has its faults in it
	}
	g := wire.Generated{Message: message}
	if err := decode(&g); err != nil {
		return nil, err
	}
	if g.Fault != nil {
		return storage.Invalid(storage.Violation{
			Field: "request", Problem: "is not a valid protobuf message of its type, or has a text that is not valid UTF-8",
		}), nil
	}
	return nil, nil
}

func withStatus(method string, call func(*Service, grpc.ServerStream) error) grpc.StreamHandler {
	return func(srv any, stream grpc.ServerStream) error {
		s := srv.(*Service)
		if err := call(s, stream); err != nil {
			return s.failed(stream.Context(), method, err)
		}
		return nil
	}
}

// Every answer of the hot calls is one of these.
var (
	_ wire.Message = (*wire.AppendResponse)(nil)
	_ wire.Message = (*wire.AppendAtomicResponse)(nil)
	_ wire.Message = (*wire.AppendPipelineResponse)(nil)
	_ wire.Message = (*wire.Events)(nil)
)
