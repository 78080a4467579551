package server

import (
	"reflect"
	"testing"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func TestTheDescriptorIsTheGeneratedOneButForItsHandlers(t *testing.T) {
	ours, generated := serviceDesc(), stetv1.EventStore_ServiceDesc
	if ours.ServiceName != generated.ServiceName || ours.Metadata != generated.Metadata {
		t.Errorf("service %s of %v, generated %s of %v", ours.ServiceName, ours.Metadata, generated.ServiceName, generated.Metadata)
	}
	if len(ours.Methods) != len(generated.Methods) || len(ours.Streams) != len(generated.Streams) {
		t.Fatalf("%d methods and %d streams, generated %d and %d", len(ours.Methods), len(ours.Streams), len(generated.Methods), len(generated.Streams))
	}
	for i, m := range ours.Methods {
		g := generated.Methods[i]
		if m.MethodName != g.MethodName || m.Handler == nil || same(m.Handler, g.Handler) {
			t.Errorf("method %s, generated %s: the handler is missing or the generated one", m.MethodName, g.MethodName)
		}
	}
	for i, s := range ours.Streams {
		g := generated.Streams[i]
		if s.StreamName != g.StreamName || s.ClientStreams != g.ClientStreams || s.ServerStreams != g.ServerStreams {
			t.Errorf("stream %+v, generated %+v", s, g)
		}
		if s.Handler == nil || same(s.Handler, g.Handler) {
			t.Errorf("stream %s: the handler is missing or the generated one", s.StreamName)
		}
	}
	if len(unaryHandlers()) != len(generated.Methods) || len(streamHandlers()) != len(generated.Streams) {
		t.Error("there is a handler for a method that the service does not have")
	}
}

func TestMakingTheDescriptorLeavesTheGeneratedOneAlone(t *testing.T) {
	before := stetv1.EventStore_ServiceDesc.Methods[0].Handler
	serviceDesc()
	if !same(before, stetv1.EventStore_ServiceDesc.Methods[0].Handler) {
		t.Error("the generated descriptor was changed")
	}
}

func same(a, b any) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
