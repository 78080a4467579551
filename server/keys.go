package server

import (
	"context"
	"fmt"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
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
	"/stet.v1.EventStore/GetHead":        keyring.Read,

	"/stet.v1.Aggregates/Execute":          keyring.Write,
	"/stet.v1.Aggregates/GetState":         keyring.Read,
	"/stet.v1.Aggregates/ListStates":       keyring.Read,
	"/stet.v1.Aggregates/Diff":             keyring.Read,
	"/stet.v1.Aggregates/Trace":            keyring.Read,
	"/stet.v1.Aggregates/GetSpec":          keyring.Read,
	"/stet.v1.Aggregates/ListSpecVersions": keyring.Read,
	"/stet.v1.Aggregates/PutSpec":          keyring.Admin,
	"/stet.v1.Aggregates/TestSpec":         keyring.Admin,
	"/stet.v1.Aggregates/DropSnapshots":    keyring.Admin,
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

// stampKey puts the name of the key that the call has shown into the metadata of
// events that no specification guards; package aggregate does it for the others.
// No client may claim a name itself while there are keys. What a request id
// stands for is settled before, without it.
func (s *Service) stampKey(ctx context.Context, a *storage.Append) error {
	name := keyring.Name(ctx)
	if name == "" {
		return nil
	}
	for i := range a.Entries {
		entry := &a.Entries[i]
		if s.isGuarded(entry.Stream) {
			continue
		}
		for j := range entry.Events {
			path := fmt.Sprintf("events[%d]", j)
			if len(a.Entries) > 1 {
				path = fmt.Sprintf("entries[%d].%s", i, path)
			}
			if err := s.stampEvent(entry.Stream, path, &entry.Events[j], name); err != nil {
				return err
			}
		}
	}
	return nil
}

// isGuarded tells whether the stream belongs to a type of the specification.
func (s *Service) isGuarded(stream string) bool {
	if s.aggregates == nil {
		return false
	}
	rules, _ := s.aggregates.Spec()
	if rules == nil {
		return false
	}
	_, ok := rules.Type(storage.CategoryOf(stream))
	return ok
}

func (s *Service) stampEvent(stream, path string, e *storage.NewEvent, name string) error {
	taken, err := record.Decode(record.AppendRecorded(nil, stream, 1, 1, 0, e))
	if err != nil {
		return fmt.Errorf("look into a proposed event: %w", err)
	}
	if _, claimed := taken.Metadata[replay.KeyKeyID]; claimed {
		return storage.Invalid(storage.Violation{
			Field: path + ".metadata[" + replay.KeyKeyID + "]", Problem: "is stamped by the server; leave it out",
		})
	}
	if taken.Metadata == nil {
		taken.Metadata = map[string]string{}
	}
	taken.Metadata[replay.KeyKeyID] = name
	stamped, violations := record.NewEventOf(&taken, s.o.Limits)
	for i := range violations {
		violations[i].Field = path + "." + violations[i].Field
	}
	if err := storage.Invalid(violations...); err != nil {
		return err
	}
	if size := record.SizeBound(stream, &stamped); size > s.o.Limits.EventBytes {
		return storage.Invalid(storage.Violation{
			Field: path, Problem: fmt.Sprintf("may take %d bytes as stored, with the name of the key; at most %d are allowed", size, s.o.Limits.EventBytes),
		})
	}
	e.Rest = stamped.Rest
	return nil
}
