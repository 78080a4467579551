package server

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/aggregates"
)

// aggregatesDesc is the generated descriptor with handlers that map errors, as
// those of the event store do.
func aggregatesDesc() *grpc.ServiceDesc {
	desc := stetv1.Aggregates_ServiceDesc
	desc.HandlerType = (*any)(nil) // the handlers below know the type
	desc.Methods = slices.Clone(desc.Methods)
	handlers := aggregatesHandlers()
	for i := range desc.Methods {
		m := &desc.Methods[i]
		m.Handler = handlers[m.MethodName]("/" + desc.ServiceName + "/" + m.MethodName)
	}
	return &desc
}

func aggregatesHandlers() map[string]func(string) grpc.MethodHandler {
	return map[string]func(string) grpc.MethodHandler{
		"Execute":          ofAggregates((*aggregates.API).Execute),
		"GetState":         ofAggregates((*aggregates.API).GetState),
		"ListStates":       ofAggregates((*aggregates.API).ListStates),
		"Diff":             ofAggregates((*aggregates.API).Diff),
		"Trace":            ofAggregates((*aggregates.API).Trace),
		"PutSpec":          ofAggregates((*aggregates.API).PutSpec),
		"GetSpec":          ofAggregates((*aggregates.API).GetSpec),
		"ListSpecVersions": ofAggregates((*aggregates.API).ListSpecVersions),
		"TestSpec":         ofAggregates((*aggregates.API).TestSpec),
		"DropSnapshots":    ofAggregates((*aggregates.API).DropSnapshots),
	}
}

// ofAggregates makes the handler of a method that package aggregates answers.
func ofAggregates[Req, Res any](call func(*aggregates.API, context.Context, *Req) (*Res, error)) func(string) grpc.MethodHandler {
	return unary(func(s *Service, ctx context.Context, req *Req) (*Res, error) { return call(s.governing, ctx, req) })
}
