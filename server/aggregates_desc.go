package server

import (
	"slices"

	"google.golang.org/grpc"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
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
		"Execute":          unary((*Service).Execute),
		"GetState":         unary((*Service).GetState),
		"ListStates":       unary((*Service).ListStates),
		"Diff":             unary((*Service).Diff),
		"Trace":            unary((*Service).Trace),
		"PutSpec":          unary((*Service).PutSpec),
		"GetSpec":          unary((*Service).GetSpec),
		"ListSpecVersions": unary((*Service).ListSpecVersions),
		"TestSpec":         unary((*Service).TestSpec),
		"DropSnapshots":    unary((*Service).DropSnapshots),
	}
}
