package server

import (
	"go/ast"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/stet-db/stet/replay/aggregate"
)

// ruleMappings are the refusals of package aggregate and what a client gets.
func ruleMappings() map[string]mapping {
	out := map[string]mapping{
		"a condition": {&aggregate.Refusal{Kind: aggregate.Forbidden, Code: "CONFLICT", Problem: "no", Condition: true}, codes.FailedPrecondition, "REQUIREMENT_NOT_MET"},
	}
	for word, code := range ruleCodes {
		reason := word
		if word == aggregate.CodeMismatch {
			reason = "REQUEST_ID_REUSED"
		}
		out["refusal "+word] = mapping{&aggregate.Refusal{Code: word, Path: "data", Problem: "is wrong"}, code, reason}
	}
	return out
}

func TestEveryRefusalOfAggregatesHasACode(t *testing.T) {
	n := 0
	for _, file := range parseDir(t, "../replay/aggregate") {
		ast.Inspect(file, func(node ast.Node) bool {
			v, ok := node.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(v.Names[0].Name, "Code") {
				return true
			}
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if n++; ruleCodes[word] == codes.OK {
				t.Errorf("%s has no code", v.Names[0].Name)
			}
			return true
		})
	}
	if n != len(ruleCodes) {
		t.Errorf("%d code words, %d in the table", n, len(ruleCodes))
	}
}

func TestAConditionKeepsItsOwnWordApartFromReasons(t *testing.T) {
	st := status.Convert(statusOf(ruleMappings()["a condition"].err))
	if got := reasonOf(st); got != ReasonRequirementNotMet {
		t.Errorf("reason %s", got)
	}
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Metadata["code"] != "CONFLICT" {
			t.Errorf("code word %q", info.Metadata["code"])
		}
	}
}

func TestFaultsOfASpecificationAreToldWithTheirPaths(t *testing.T) {
	r := refusalOf(&aggregate.Refusal{Code: aggregate.CodeInvalidSpec, Path: "a", Problem: "x", Faults: []aggregate.Fault{{Path: "a", Problem: "x"}, {Path: "b", Problem: "y"}}})
	if len(r.violations) != 2 || r.violations[1].Field != "b" || r.violations[1].Problem != "y" {
		t.Errorf("%+v", r.violations)
	}
}
