package server

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// Bytes that are no request are the caller's fault in every call, not the
// server's: they must neither wake the operator nor fill the log.
func TestBytesThatAreNoRequestAreRefusedAsTheCallersFault(t *testing.T) {
	s := serve(t, nil, nil)
	conn := s.dial(grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.NewCodec(storage.Limits{}))))
	broken := map[string]string{
		"a text that is not UTF-8": "\x0a\x01\xff",
		"cut off":                  "\x0a\x05a",
		"no field":                 "\x00",
	}
	for _, m := range stetv1.EventStore_ServiceDesc.Methods {
		for name, bytes := range broken {
			if empty := m.MethodName == "GetHead" || m.MethodName == "GetServerInfo"; empty && name == "a text that is not UTF-8" {
				continue // they have no fields, so this one is unknown to them
			}
			in, out := wire.Raw(bytes), new(wire.Raw)
			err := conn.Invoke(waiting(t), fullMethod(m.MethodName), &in, out)
			refusedAsInvalid(t, m.MethodName+", "+name, err)
		}
	}
	for _, d := range stetv1.EventStore_ServiceDesc.Streams {
		for name, bytes := range broken {
			if d.StreamName == "ReadAll" && name == "a text that is not UTF-8" {
				bytes = "\x32\x05\x0a\x03\x1a\x01\xff" // in its filter
			}
			if d.StreamName == "AppendPipeline" && name == "a text that is not UTF-8" {
				continue // field 1 is its ticket; inside an append it is refused by an answer
			}
			stream, err := conn.NewStream(waiting(t), &d, fullMethod(d.StreamName))
			if err != nil {
				t.Fatal(err)
			}
			in := wire.Raw(bytes)
			if err := stream.SendMsg(&in); err != nil {
				t.Fatal(err)
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			refusedAsInvalid(t, d.StreamName+", "+name, stream.RecvMsg(new(wire.Raw)))
		}
	}
	if log := s.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("logged as a fault of the server:\n%s", log)
	}
}

func refusedAsInvalid(t *testing.T, what string, err error) {
	t.Helper()
	if st := status.Convert(err); st.Code() != codes.InvalidArgument || reasonOf(st) != ReasonInvalidRequest {
		t.Errorf("%s: %v, reason %q", what, err, reasonOf(st))
	}
}

func TestACategoryWithADashIsRefusedWhereverItIsAskedFor(t *testing.T) {
	client := serve(t, nil, nil).client()
	filter := &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{{Categories: []string{"cart", "cart-1"}}}}
	for what, open := range map[string]func() (grpc.ClientStream, error){
		"subscribe": func() (grpc.ClientStream, error) {
			return client.Subscribe(waiting(t), &stetv1.SubscribeRequest{Source: &stetv1.SubscribeRequest_Category{Category: "cart-1"}})
		},
		"subscribe with a filter": func() (grpc.ClientStream, error) {
			return client.Subscribe(waiting(t), &stetv1.SubscribeRequest{Filter: filter})
		},
		"read with a filter": func() (grpc.ClientStream, error) {
			return client.ReadAll(waiting(t), &stetv1.ReadAllRequest{Filter: filter})
		},
	} {
		stream, err := open()
		if err != nil {
			t.Fatal(err)
		}
		err = stream.RecvMsg(new(stetv1.ReadAllResponse))
		refusedAsInvalid(t, what, err)
		if !strings.Contains(status.Convert(err).Message(), `has a "-"`) {
			t.Errorf("%s: %v does not say why", what, err)
		}
	}
}
