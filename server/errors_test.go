package server

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/server/wire"
	"github.com/stet-db/stet/storage"
)

// mapping is an error and what a client gets for it.
type mapping struct {
	err    error
	code   codes.Code
	reason string
}

// mappings has every error of package storage, by its name there.
var mappings = map[string]mapping{
	"ErrQueueFull":         {storage.ErrQueueFull, codes.ResourceExhausted, "QUEUE_FULL"},
	"ErrShuttingDown":      {storage.ErrShuttingDown, codes.Unavailable, "SHUTTING_DOWN"},
	"ErrPipelineHalted":    {storage.ErrPipelineHalted, codes.FailedPrecondition, "PIPELINE_HALTED"},
	"InvalidError":         {storage.Invalid(storage.Violation{Field: "stream", Problem: "is empty"}), codes.InvalidArgument, "INVALID_REQUEST"},
	"ConflictError":        {twoConflicts(), codes.Aborted, "CONFLICT"},
	"StreamNotFoundError":  {&storage.StreamNotFoundError{Stream: "a-1"}, codes.NotFound, "STREAM_NOT_FOUND"},
	"RequestMismatchError": {&storage.RequestMismatchError{RequestID: "r"}, codes.AlreadyExists, "REQUEST_ID_REUSED"},
	"RequestsFullError":    {&storage.RequestsFullError{Limit: 3}, codes.ResourceExhausted, "REQUEST_IDS_FULL"},
	"DiskFloorError":       {&storage.DiskFloorError{Free: 1, Floor: 2}, codes.ResourceExhausted, "DISK_FLOOR"},
	"ClockError":           {&storage.ClockError{Ahead: 2 * time.Hour}, codes.FailedPrecondition, "CLOCK_AHEAD"},
	"OutcomeUnknownError":  {&storage.OutcomeUnknownError{Cause: errors.New("secret: " + os.DevNull)}, codes.Unavailable, "OUTCOME_UNKNOWN"},
	"HistoryChangedError":  {&storage.HistoryChangedError{Known: "x", Actual: storage.HistoryID{1}}, codes.FailedPrecondition, "HISTORY_CHANGED"},
	"BeyondHeadError":      {&storage.BeyondHeadError{Cursor: 9, End: 8}, codes.OutOfRange, "BEYOND_END"},
	"CorruptionError":      {&storage.CorruptionError{Where: "position 3", Detail: "checksum"}, codes.DataLoss, "DATA_DAMAGED"},
	"UnknownFormError":     {&storage.UnknownFormError{Position: 3, Form: 2}, codes.DataLoss, "UNKNOWN_FORM"},
	"FormatError":          {&storage.FormatError{Dir: "secret"}, codes.Internal, "INTERNAL"},
	"LockedError":          {&storage.LockedError{Dir: "secret"}, codes.Internal, "INTERNAL"},
	"NotAStoreError":       {&storage.NotAStoreError{Dir: "secret"}, codes.Internal, "INTERNAL"},
}

// others are errors that package storage does not have.
var others = map[string]mapping{
	"too many subscriptions": {&tooManyError{What: "subscriptions", Reason: ReasonTooManySubscriptions, Limit: 2}, codes.ResourceExhausted, "TOO_MANY_SUBSCRIPTIONS"},
	"too many pipelines":     {&tooManyError{What: "pipelines", Reason: ReasonTooManyPipelines, Limit: 2}, codes.ResourceExhausted, "TOO_MANY_PIPELINES"},
	"too many calls":         {&tooManyError{What: "calls", Reason: ReasonTooManyCalls, Limit: 2, RetryAfter: retryTooManyCalls}, codes.ResourceExhausted, "TOO_MANY_CALLS"},
	"no key":                 {keyring.ErrNoKey, codes.Unauthenticated, "UNAUTHENTICATED"},
	"unknown key":            {keyring.ErrUnknownKey, codes.Unauthenticated, "UNAUTHENTICATED"},
	"no scope":               {&keyring.ScopeError{Key: "k", Need: keyring.Write}, codes.PermissionDenied, "PERMISSION_DENIED"},
	"canceled":               {context.Canceled, codes.Canceled, ""},
	"deadline":               {context.DeadlineExceeded, codes.DeadlineExceeded, ""},
	"unknown":                {errors.New("secret"), codes.Internal, "INTERNAL"},
	"cause of an unknown outcome": {
		&storage.OutcomeUnknownError{Cause: storage.Invalid(storage.Violation{Field: "x", Problem: "is not the point"})},
		codes.Unavailable, "OUTCOME_UNKNOWN",
	},
}

func twoConflicts() *storage.ConflictError {
	return &storage.ConflictError{Head: 12, Conflicts: []storage.Conflict{
		{Stream: "a-1", Expected: storage.ExpectVersion(3), Actual: 4},
		{Stream: "b-1", Expected: storage.ExpectNoStream(), Actual: 1},
	}}
}

func TestEveryErrorOfTheVocabularyHasACode(t *testing.T) {
	names := exportedErrors(t, "../storage")
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(mappings))); diff != "" {
		t.Errorf("errors of package storage without a mapping here, or the reverse (-storage +mapped):\n%s", diff)
	}
}

// exportedErrors are the names of the sentinels and of the types with a method
// Error.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	for _, file := range parseDir(t, dir) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name != "Error" || d.Recv == nil {
					continue
				}
				typ := d.Recv.List[0].Type
				if star, ok := typ.(*ast.StarExpr); ok {
					typ = star.X
				}
				if name := typ.(*ast.Ident).Name; ast.IsExported(name) {
					names = append(names, name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
						for _, n := range v.Names {
							if strings.HasPrefix(n.Name, "Err") {
								names = append(names, n.Name)
							}
						}
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

func parseDir(t *testing.T, dir string) []*ast.File {
	t.Helper()
	files, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, file)
	}
	return out
}

func TestErrorsHaveTheirCodesAndReasonsHoweverWrapped(t *testing.T) {
	for _, set := range []map[string]mapping{mappings, others, ruleMappings()} {
		for name, m := range set {
			for _, err := range []error{m.err, fmt.Errorf("append to %q: %w", "a-1", m.err)} {
				st := status.Convert(statusOf(err))
				if st.Code() != m.code || reasonOf(st) != m.reason {
					t.Errorf("%s: %v %q, want %v %q", name, st.Code(), reasonOf(st), m.code, m.reason)
				}
				if strings.Contains(st.String(), "secret") {
					t.Errorf("%s: tells what is for the log only: %v", name, st)
				}
				inPipeline := wireErrorOf(err)
				if codes.Code(inPipeline.Code) != m.code || inPipeline.Reason != m.reason || inPipeline.Message != st.Message() {
					t.Errorf("%s: in a pipeline %v", name, inPipeline)
				}
				again := statusOf(fmt.Errorf("send: %w", st.Err()))
				if status.Code(again) != m.code {
					t.Errorf("%s: a status became %v", name, again)
				}
			}
		}
	}
	if statusOf(nil) != nil {
		t.Error("no error became one")
	}
}

func reasonOf(st *status.Status) string {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			if info.Domain != "stet" {
				return "of domain " + info.Domain
			}
			return info.Reason
		}
	}
	return ""
}

func TestAConflictListsEveryFailedExpectation(t *testing.T) {
	want := []*stetv1.Conflict{
		{Stream: "a-1", Expected: &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: 3}}, Actual: 4, Head: 12},
		{Stream: "b-1", Expected: &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: stetv1.Expectation_STATE_NO_STREAM}}, Actual: 1, Head: 12},
	}
	var got []*stetv1.Conflict
	for _, d := range status.Convert(statusOf(twoConflicts())).Details() {
		if c, ok := d.(*stetv1.Conflict); ok {
			got = append(got, c)
		}
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("in a status (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, wireErrorOf(twoConflicts()).Conflicts, protocmp.Transform()); diff != "" {
		t.Errorf("in a pipeline (-want +got):\n%s", diff)
	}
}

func TestExpectationsAreToldAsTheyAreStated(t *testing.T) {
	for state, e := range map[stetv1.Expectation_State]storage.Expectation{
		stetv1.Expectation_STATE_UNSPECIFIED: {},
		stetv1.Expectation_STATE_ANY:         storage.ExpectAny(),
		stetv1.Expectation_STATE_EXISTS:      storage.ExpectExists(),
		stetv1.Expectation_STATE_NO_STREAM:   storage.ExpectVersion(0),
	} {
		if got := expectationToProto(e); got.GetState() != state {
			t.Errorf("%v became %v", e, got)
		}
	}
}

func TestARefusalSaysWhenToTryAgain(t *testing.T) {
	for _, m := range mappings {
		told := false
		for _, d := range status.Convert(statusOf(m.err)).Details() {
			if r, ok := d.(*errdetails.RetryInfo); ok {
				told = r.RetryDelay.AsDuration() > 0
			}
		}
		if want := m.reason == ReasonQueueFull || m.reason == ReasonShuttingDown; told != want {
			t.Errorf("%s: a delay is told: %v", m.reason, told)
		}
	}
}

func TestARefusalCanAlwaysBeEncoded(t *testing.T) {
	var violations []storage.Violation
	for i := range 3 * wire.MaxViolations {
		violations = append(violations, storage.Violation{Field: fmt.Sprintf("events[%d].metadata[\xff]", i), Problem: "is bad: \xfe"})
	}
	err := statusOf(storage.Invalid(violations...))
	if got := reasonOf(status.Convert(err)); got != ReasonInvalidRequest {
		t.Errorf("reason %q", got)
	}
	if got := wireErrorOf(storage.Invalid(violations...)); len(got.Violations) != wire.MaxViolations || got.Violations[0].Field != "events[0].metadata[\uFFFD]" {
		t.Errorf("got %d faults, the first %v", len(got.Violations), got.Violations[0])
	}
	if text := status.Convert(err).Message(); len(text) > 500 || !strings.Contains(text, "and 17 more") {
		t.Errorf("the message is no summary: %s", text)
	}
	if got := reasonOf(status.Convert(statusOf(&storage.StreamNotFoundError{Stream: "\xff"}))); got != ReasonStreamNotFound {
		t.Errorf("reason %q", got)
	}
}

var documented = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([A-Z_]+) \\(([0-9]+)\\) \\|")

func TestTheDocumentListsEveryReasonWithItsCode(t *testing.T) {
	text, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	inDocument := map[string]codes.Code{}
	for _, row := range documented.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseUint(row[3], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		var named codes.Code
		if err := named.UnmarshalJSON([]byte(strconv.Quote(row[2]))); err != nil || named != codes.Code(n) {
			t.Errorf("%s: code %s is not number %d: %v", row[1], row[2], n, err)
		}
		inDocument[row[1]] = named
	}
	inCode := map[string]codes.Code{}
	for _, set := range []map[string]mapping{mappings, others, ruleMappings()} {
		for _, m := range set {
			if m.reason != "" {
				inCode[m.reason] = m.code
			}
		}
	}
	if diff := cmp.Diff(inCode, inDocument); diff != "" {
		t.Errorf("docs/errors.md differs (-code +document):\n%s", diff)
	}
	for _, reason := range reasonConstants(t) {
		if _, ok := inCode[reason]; !ok {
			t.Errorf("no error has the reason %s", reason)
		}
	}
}

// reasonConstants are the values of the constants named Reason….
func reasonConstants(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, file := range parseDir(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Reason") {
				value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, value)
			}
			return true
		})
	}
	if len(out) == 0 {
		t.Fatal("no reasons were found")
	}
	return out
}
