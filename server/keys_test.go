package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// ringOf has a key for each scope, which is also its name and its secret.
func ringOf(t *testing.T) *keyring.Ring {
	t.Helper()
	type key struct {
		Name   string   `json:"name"`
		Hash   string   `json:"hash"`
		Scopes []string `json:"scopes"`
	}
	var keys []key
	for _, s := range keyring.Scopes() {
		sum := sha256.Sum256([]byte(s))
		keys = append(keys, key{string(s), "sha256:" + hex.EncodeToString(sum[:]), []string{string(s)}})
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// knock calls a method with an empty request and gives the code of its first
// answer. Any method can be called like a stream.
func knock(t *testing.T, conn *grpc.ClientConn, method string, authorization ...string) codes.Code {
	t.Helper()
	ctx, cancel := context.WithCancel(waiting(t))
	defer cancel()
	if len(authorization) > 0 {
		ctx = metadata.NewOutgoingContext(ctx, metadata.MD{"authorization": authorization})
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.SendMsg(new(emptypb.Empty)) // a refusal may come first; the answer tells
	_ = stream.CloseSend()
	return status.Code(stream.RecvMsg(new(emptypb.Empty)))
}

func TestEveryMethodWantsAKeyWithItsScope(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Keys = ringOf(t) })
	conn := s.dial()
	var methods []string
	for service, info := range s.rpc.GetServiceInfo() {
		for _, m := range info.Methods {
			methods = append(methods, "/"+service+"/"+m.Name)
		}
	}
	slices.Sort(methods)
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			scope, named := methodScopes[method]
			if !named {
				t.Fatal("nobody has said what it needs")
			}
			for _, headers := range [][]string{nil, {"Bearer wrong"}, {"Basic cmVhZA=="}, {"Bearer " + string(scope), "Bearer wrong"}} {
				if got := knock(t, conn, method, headers...); (got == codes.Unauthenticated) == (scope == forAll) {
					t.Errorf("%q: %v", headers, got)
				}
			}
			for _, have := range keyring.Scopes() {
				got := knock(t, conn, method, "Bearer "+string(have))
				if got == codes.Unauthenticated || (got == codes.PermissionDenied) != (scope != forAll && scope != have) {
					t.Errorf("scope %s: %v, want it to need %q", have, got, scope)
				}
			}
		})
	}
	if got := knock(t, conn, "/stet.v1.EventStore/Nothing", "Bearer admin"); got != codes.Unimplemented {
		t.Errorf("an unknown method: %v", got)
	}
	if scopeOf("/stet.v1.EventStore/NewOne") != keyring.Admin {
		t.Error("a method that nobody has thought about is open")
	}
}

func TestEveryRouteOfOperationsWantsAKeyWithItsScope(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Keys = ringOf(t) })
	// A profile is taken already, so that the route for one answers at once.
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	for _, r := range s.opsRoutes() {
		method, path, _ := strings.Cut(r.pattern, " ")
		if strings.HasSuffix(path, "/trace") {
			path += "?seconds=0.01"
		}
		for header, want := range map[string]int{"": http.StatusUnauthorized, "Bearer wrong": http.StatusUnauthorized, "Basic YWRtaW4=": http.StatusUnauthorized} {
			if code, text := s.ops(method, path, "", "Authorization", header); (code == want) == (r.scope == forAll) {
				t.Errorf("%s with %q: %d %.100s", r.pattern, header, code, text)
			}
		}
		for _, have := range keyring.Scopes() {
			code, text := s.ops(method, path, "", "Authorization", "Bearer "+string(have))
			if code == http.StatusUnauthorized || (code == http.StatusForbidden) != (r.scope != forAll && r.scope != have) {
				t.Errorf("%s with scope %s: %d %.100s", r.pattern, have, code, text)
			}
		}
	}
}

func TestWithoutKeysAuthorizationIsIgnoredAndOtherNamesAreRefused(t *testing.T) {
	s := serve(t, nil, nil)
	if got := knock(t, s.dial(), "/stet.v1.EventStore/GetServerInfo", "Bearer whatever"); got != codes.OK {
		t.Errorf("gRPC: %v", got)
	}
	for host, want := range map[string]int{"localhost": http.StatusOK, "stet.example": http.StatusForbidden, "10.1.2.3:7840": http.StatusForbidden} {
		if code, text := s.ops(http.MethodGet, "/config", "", "Host", host, "Authorization", "Bearer whatever"); code != want {
			t.Errorf("operations, host %s: %d %s", host, code, text)
		}
		code, text := s.web(http.MethodGet, "/_/spec", "", "Host", host, "Authorization", "Bearer whatever")
		if (code == http.StatusForbidden) != (want == http.StatusForbidden) {
			t.Errorf("HTTP, host %s: %d %s", host, code, text)
		}
	}
	if !strings.Contains(s.log.String(), "NO KEYS") {
		t.Error("the log does not say that everything is open")
	}
}

func TestWithKeysNothingIsOpenAndAnyNameIsServed(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Keys = ringOf(t) })
	if strings.Contains(s.log.String(), "NO KEYS") {
		t.Error("the log says that everything is open")
	}
	if code, text := s.web(http.MethodGet, "/_/spec", "", "Host", "stet.example", "Authorization", "Bearer read"); code != http.StatusNotFound {
		t.Errorf("%d %s", code, text)
	}
}

// The name of the key goes with a write, whichever call it takes.
func TestTheNameOfTheKeyIsStampedByEveryCall(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Keys = ringOf(t) })
	const spec = `{"aggregate_types":{"cart":{"events":{"was_created":{"handler":[]}}}}}`
	if code, text := s.web(http.MethodPost, "/_/spec", spec, "Content-Type", "application/json", "Authorization", "Bearer admin"); code != http.StatusOK {
		t.Fatal(text)
	}
	ctx := metadata.AppendToOutgoingContext(waiting(t), "authorization", "Bearer write")
	request := func(stream string, metadata map[string]string) *stetv1.AppendRequest {
		r := oneEvent(stream)
		r.Events[0].Type, r.Events[0].Metadata = "was_created", metadata
		return r
	}
	client := s.client()
	pipeline, err := client.AppendPipeline(ctx)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(*stetv1.AppendRequest) error{
		"1": func(r *stetv1.AppendRequest) error { _, err := client.Append(ctx, r); return err },
		"2": func(r *stetv1.AppendRequest) error {
			_, err := client.AppendAtomic(ctx, &stetv1.AppendAtomicRequest{Entries: []*stetv1.AppendAtomicRequest_Entry{
				{Stream: r.GetStream(), Expectation: r.GetExpectation(), Events: r.GetEvents()},
			}})
			return err
		},
		"3": func(r *stetv1.AppendRequest) error {
			if err := pipeline.Send(&stetv1.AppendPipelineRequest{Append: r}); err != nil {
				return err
			}
			answer, err := pipeline.Recv()
			if answer.GetError() != nil {
				return status.Error(codes.Code(answer.GetError().GetCode()), answer.GetError().GetMessage())
			}
			return err
		},
	}
	for n, call := range calls {
		for _, category := range []string{"cart-", "free-"} { // with a specification, and without
			if err := call(request(category+n, nil)); err != nil {
				t.Errorf("%s%s: %v", category, n, err)
			}
			if err := call(request(category+n, map[string]string{"key_id": "root"})); status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s%s: %v, want a refusal of the claim", category, n, err)
			}
		}
	}
	if code, text := s.web(http.MethodPost, "/cart/4/was_created", "{}", "Content-Type", "application/json", "Authorization", "Bearer write"); code != http.StatusCreated {
		t.Error(text)
	}
	for _, stream := range []string{"cart-1", "cart-2", "cart-3", "cart-4", "free-1", "free-2", "free-3"} {
		for r, err := range s.store.ReadStream(t.Context(), storage.StreamRange{Stream: stream}) {
			if err != nil {
				t.Errorf("%s: %v", stream, err)
				break
			}
			if e, err := record.Decode(r.Wire); err != nil || e.Metadata["key_id"] != "write" {
				t.Errorf("%s: %v, metadata %v", stream, err, e.Metadata)
			}
		}
	}
}

// A key that may only write learns no state by writing.
func TestTheStateAfterAWriteNeedsTheScopeRead(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Keys = ringOf(t) })
	const spec = `{"aggregate_types":{"cart":{"events":{"was_created":{"handler":[]}}}}}`
	if code, text := s.web(http.MethodPost, "/_/spec", spec, "Content-Type", "application/json", "Authorization", "Bearer admin"); code != http.StatusOK {
		t.Fatal(text)
	}
	for path, want := range map[string]int{"/cart/1/was_created?state=true": http.StatusForbidden, "/cart/1/was_created?state=false": http.StatusCreated} {
		if code, text := s.web(http.MethodPost, path, "{}", "Content-Type", "application/json", "Authorization", "Bearer write"); code != want {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	ctx := metadata.AppendToOutgoingContext(waiting(t), "authorization", "Bearer write")
	for withState, want := range map[bool]codes.Code{true: codes.PermissionDenied, false: codes.OK} {
		_, err := stetv1.NewAggregatesClient(s.dial()).Execute(ctx, &stetv1.ExecuteRequest{
			Type: "cart", Id: "2", Events: []*stetv1.ProposedEvent{{Type: "was_created"}}, WithState: withState,
		})
		if status.Code(err) != want {
			t.Errorf("with state %v: %v", withState, err)
		}
	}
}
