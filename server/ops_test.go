package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/clock"
)

func TestHealthKnowsTheServerAndTheService(t *testing.T) {
	s := serve(t, nil, nil)
	health := healthv1.NewHealthClient(s.dial())
	for _, name := range []string{"", "stet.v1.EventStore"} {
		if r, err := health.Check(waiting(t), &healthv1.HealthCheckRequest{Service: name}); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", name, r, err)
		}
	}
	if _, err := health.Check(waiting(t), &healthv1.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("other: %v", err)
	}
}

var wantServices = []string{"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "stet.v1.Aggregates", "stet.v1.EventStore"}

func TestReflectionListsServicesAndShowsComments(t *testing.T) {
	s := serve(t, nil, nil)
	stream, err := reflectionv1.NewServerReflectionClient(s.dial()).ServerReflectionInfo(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
		t.Helper()
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	var services []string
	list := ask(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	for _, service := range list.GetListServicesResponse().GetService() {
		services = append(services, service.GetName())
	}
	slices.Sort(services)
	if !slices.Equal(services, wantServices) {
		t.Errorf("services %v, want %v", services, wantServices)
	}
	comments := ""
	for _, symbol := range []string{"stet.v1.EventStore", "stet.v1.AppendRequest", "google.protobuf.Timestamp"} {
		answer := ask(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol}})
		files := answer.GetFileDescriptorResponse().GetFileDescriptorProto()
		if len(files) == 0 {
			t.Errorf("%s: %v", symbol, answer)
		}
		for _, file := range files {
			var d descriptorpb.FileDescriptorProto
			if err := proto.Unmarshal(file, &d); err != nil {
				t.Fatal(err)
			}
			for _, l := range d.GetSourceCodeInfo().GetLocation() {
				comments += l.GetLeadingComments()
			}
		}
	}
	for _, want := range []string{"EventStore keeps one log of events", "What the stream must be like. Required"} {
		if !strings.Contains(comments, want) {
			t.Errorf("no comment %q", want)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}

	old, err := reflectionv1alpha.NewServerReflectionClient(s.dial()).ServerReflectionInfo(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // deprecated, but what older tools speak
	if err := old.Send(&reflectionv1alpha.ServerReflectionRequest{MessageRequest: &reflectionv1alpha.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // as above
	if r, err := old.Recv(); err != nil || len(r.GetListServicesResponse().GetService()) != len(wantServices) {
		t.Errorf("v1alpha: %v, %v", r, err)
	}
	if err := old.CloseSend(); err != nil {
		t.Fatal(err)
	}
}

func TestTheDescribedProtoIsTheGeneratedOne(t *testing.T) {
	r, err := describedFiles()
	if err != nil {
		t.Fatal(err)
	}
	file := stetv1.File_stet_v1_event_store_proto
	seen := 0
	compare := func(path string) {
		seen++
		described, err := r.own.FindFileByPath(path)
		if err != nil {
			t.Fatalf("%s: %v; run make generate", path, err)
		}
		bare := protodesc.ToFileDescriptorProto(described)
		bare.SourceCodeInfo = nil
		generated, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(bare, protodesc.ToFileDescriptorProto(generated)) {
			t.Errorf("%s differs from the generated code; run make generate", path)
		}
	}
	compare(file.Path())
	for i := range file.Imports().Len() {
		compare(file.Imports().Get(i).Path())
	}
	if seen < 5 {
		t.Errorf("compared only %d files", seen)
	}
}

func TestTheOperationsListenerAnswers(t *testing.T) {
	s := serve(t, nil, func(c *Config) { c.Version = "v1.2.3" })
	for path, want := range map[string]string{
		"/healthz":                    `"ok"`,
		"/readyz":                     `"serving"`,
		"/config":                     `"version":"v1.2.3"`,
		"/metrics":                    "stet_head_position 0",
		"/debug/pprof/":               "goroutine",
		"/debug/pprof/heap?debug=1":   "heap profile",
		"/debug/pprof/symbol":         "num_symbols",
		"/debug/pprof/cmdline":        "",
		"/debug/pprof/trace?seconds=": "",
	} {
		if code, text := s.ops(http.MethodGet, path, ""); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("GET %s: %d %.300s, want %q", path, code, text, want)
		}
	}
	if code, _ := s.ops(http.MethodGet, "/clock/confirm", ""); code != http.StatusMethodNotAllowed {
		t.Errorf("GET /clock/confirm: %d", code)
	}
	if code, _ := s.ops(http.MethodGet, "/other", ""); code != http.StatusNotFound {
		t.Errorf("GET /other: %d", code)
	}
	s.log.wants(t, "msg=serving", "config.version=v1.2.3", "address="+s.Addr().String())
}

func TestAWebPageCannotCommandTheServer(t *testing.T) {
	s := serve(t, nil, nil)
	req, err := http.NewRequestWithContext(waiting(t), http.MethodPost, "http://"+s.OpsAddr().String()+"/clock/confirm", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := opsClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site got %d", res.StatusCode)
	}
}

// A page whose own name was made to point here is of no other origin for the
// browser.
func TestTheOperationsListenerAnswersToItsOwnNamesOnly(t *testing.T) {
	s := serve(t, nil, nil)
	for host, want := range map[string]int{
		"127.0.0.1":         http.StatusOK,
		"127.0.0.1:7840":    http.StatusOK,
		"localhost:7840":    http.StatusOK,
		"[::1]:7840":        http.StatusOK,
		"evil.example":      http.StatusForbidden,
		"evil.example:7840": http.StatusForbidden,
		"192.0.2.1":         http.StatusForbidden,
		"127.0.0.1.example": http.StatusForbidden,
	} {
		req, err := http.NewRequestWithContext(waiting(t), http.MethodGet, "http://"+s.OpsAddr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := opsClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close() != nil || res.StatusCode != want {
			t.Errorf("host %s got %d, want %d", host, res.StatusCode, want)
		}
	}
}

// I12: what would freeze recorded times is refused until the operator agrees.
func TestTheOperatorConfirmsTheClock(t *testing.T) {
	source := &movedClock{Source: clock.System()}
	s := serve(t, nil, func(c *Config) { c.Clock = source })
	c := s.client()
	if _, err := c.Append(waiting(t), oneEvent("cart-1")); err != nil {
		t.Fatal(err)
	}
	source.move.Store(int64(48 * 3600e9))
	if _, err := c.Append(waiting(t), oneEvent("cart-1")); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("after the leap: %v, want FAILED_PRECONDITION", err)
	}
	if _, text := s.ops(http.MethodGet, "/metrics", ""); !strings.Contains(text, "stet_clock_refusing 1") || !strings.Contains(text, "stet_clock_jumps_total 1") {
		t.Errorf("the clock is not in the metrics:\n%s", text)
	}
	if code, text := s.ops(http.MethodPost, "/clock/confirm", ""); code != http.StatusOK || !strings.Contains(text, `"clock":"20`) {
		t.Errorf("confirm: %d %s", code, text)
	}
	if _, err := c.Append(waiting(t), oneEvent("cart-1")); err != nil {
		t.Errorf("after the confirmation: %v", err)
	}
}

func TestBackupsAreMadeByName(t *testing.T) {
	s := serve(t, nil, nil)
	if code, text := s.ops(http.MethodPost, "/backup", `{"name": "monday"}`); code != http.StatusNotImplemented || !strings.Contains(text, "error") {
		t.Errorf("without a place: %d %s", code, text)
	}

	var made []string
	s = serve(t, nil, func(c *Config) {
		c.Backup = func(_ context.Context, name string) (string, error) {
			if name == "full" {
				return "", errors.New("disk full")
			}
			made = append(made, name)
			return "backups/" + name, nil
		}
	})
	long := strings.Repeat("b", backupNameBytes)
	for body, want := range map[string]int{
		`{"name": "monday-1.2_x"}`:    http.StatusOK,
		`{"name": "` + long + `"}`:    http.StatusOK,
		`{"name": "` + long + `b"}`:   http.StatusBadRequest,
		`{"name": ""}`:                http.StatusBadRequest,
		`{}`:                          http.StatusBadRequest,
		`{"name": "../up"}`:           http.StatusBadRequest,
		`{"name": "a/b"}`:             http.StatusBadRequest,
		`{"name": ".hidden"}`:         http.StatusBadRequest,
		`{"name": "a\u0000"}`:         http.StatusBadRequest,
		`{"name": "a", "to": "/etc"}`: http.StatusBadRequest,
		`{"name": "a"}{"name": "b"}`:  http.StatusBadRequest,
		`monday`:                      http.StatusBadRequest,
		`{"name": "full"}`:            http.StatusInternalServerError,
		`{"name": "` + strings.Repeat("b", opsBodyBytes) + `"}`: http.StatusBadRequest,
	} {
		code, text := s.ops(http.MethodPost, "/backup", body)
		if code != want || !json.Valid([]byte(text)) {
			t.Errorf("%.60s: %d %s, want %d", body, code, text, want)
		}
	}
	slices.Sort(made)
	if !slices.Equal(made, []string{long, "monday-1.2_x"}) {
		t.Errorf("made %q", made)
	}
}

func TestEveryMetricIsDocumented(t *testing.T) {
	s := serve(t, nil, nil)
	if _, err := s.client().Append(waiting(t), oneEvent("cart-1")); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.web(http.MethodGet, "/_/spec", ""); code != http.StatusNotFound {
		t.Errorf("GET /_/spec: %d", code)
	}
	families, err := s.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	gathered := map[string]string{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "stet_") {
			gathered[f.GetName()] = f.GetHelp()
		} else if !strings.HasPrefix(f.GetName(), "go_") && !strings.HasPrefix(f.GetName(), "process_") {
			t.Errorf("%s has none of the prefixes stet_, go_, process_", f.GetName())
		}
	}
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(stet_[a-z_]+)[^`]*` \\| [a-z]+ \\| (.+) \\|$")
	documented := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
		if help, ok := gathered[m[1]]; !ok {
			t.Errorf("%s is documented but does not exist", m[1])
		} else if help != m[2] {
			t.Errorf("%s: documented as %q, but its help is %q", m[1], m[2], help)
		}
	}
	for name, help := range gathered {
		if !documented[name] {
			t.Errorf("not documented: %s: %s", name, help)
		}
	}
}
