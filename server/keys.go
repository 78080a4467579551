package server

import (
	"context"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/stet-db/stet/internal/keyring"
)

// forAll stands in place of a scope where no key is wanted.
const forAll keyring.Scope = ""

// methodScopes says what a key must have for each method. What is not named
// needs [keyring.Admin]: a new method is closed until somebody has thought about
// it. A test walks all methods.
var methodScopes = map[string]keyring.Scope{
	// A balancer has no key, and learns nothing but that the server is there.
	"/grpc.health.v1.Health/Check": forAll,
	"/grpc.health.v1.Health/List":  forAll,
	"/grpc.health.v1.Health/Watch": forAll,

	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      keyring.Read,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": keyring.Read,

	"/stet.v1.EventStore/Append":         keyring.Write,
	"/stet.v1.EventStore/AppendAtomic":   keyring.Write,
	"/stet.v1.EventStore/AppendPipeline": keyring.Write,
	"/stet.v1.EventStore/ReadStream":     keyring.Read,
	"/stet.v1.EventStore/ReadAll":        keyring.Read,
	"/stet.v1.EventStore/Subscribe":      keyring.Read,
	"/stet.v1.EventStore/GetStream":      keyring.Read,
	"/stet.v1.EventStore/ListStreams":    keyring.Read,
	"/stet.v1.EventStore/GetServerInfo":  keyring.Read,

	"/stet.v1.Aggregates/Execute":          keyring.Write,
	"/stet.v1.Aggregates/GetState":         keyring.Read,
	"/stet.v1.Aggregates/ListStates":       keyring.Read,
	"/stet.v1.Aggregates/Diff":             keyring.Read,
	"/stet.v1.Aggregates/Trace":            keyring.Read,
	"/stet.v1.Aggregates/GetSpec":          keyring.Read,
	"/stet.v1.Aggregates/ListSpecVersions": keyring.Read,
	"/stet.v1.Aggregates/PutSpec":          keyring.Admin,
	"/stet.v1.Aggregates/TestSpec":         keyring.Admin,
}

func scopeOf(method string) keyring.Scope {
	if scope, ok := methodScopes[method]; ok {
		return scope
	}
	return keyring.Admin
}

// keyStage refuses calls without a key that may make them, and gives the others
// its name.
func keyStage(keys *keyring.Ring) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	check := func(ctx context.Context) (context.Context, error) {
		if keys.Open() {
			return ctx, nil
		}
		method, _ := grpc.Method(ctx) // an unknown one needs the most
		scope := scopeOf(method)
		if scope == forAll {
			return ctx, nil
		}
		key, err := keys.Allow(metadata.ValueFromIncomingContext(ctx, "authorization"), scope)
		if err != nil {
			return nil, statusOf(err)
		}
		return keyring.With(ctx, key), nil
	}
	return auth.UnaryServerInterceptor(check), auth.StreamServerInterceptor(check)
}
