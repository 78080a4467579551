package tick_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// The page of reference, and its examples: the blocks marked "json example".
const page = "../../docs/handlers.md"

var exampleBlock = regexp.MustCompile("(?s)```json example\n(.*?)```")

// input is the event of every example.
func input(data tick.Value) *tick.Input {
	return &tick.Input{
		Data: data, AggregateType: "cart", ID: "42", Type: "was_seen", Version: 3,
		Metadata: tick.Metadata{RecordedAt: time.UnixMicro(1705914060123456), ActorType: "user", ActorID: "550e8400"},
	}
}

func TestEveryExampleOfTheReferenceIsTrue(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := exampleBlock.FindAllSubmatch(text, -1)
	if len(blocks) < 45 {
		t.Errorf("%s has %d examples only", page, len(blocks))
	}
	for _, block := range blocks {
		example := parse(t, string(block[1]))
		if problem := check(t, example); problem != "" {
			t.Errorf("%s\n%s", problem, block[1])
		}
	}
}

// check runs an example and says what is not as it claims.
func check(t *testing.T, e tick.Value) string {
	object := func(name string) tick.Value {
		if v := e.Field(name); v.Kind() != value.KindNone {
			return v
		}
		return value.Object()
	}
	in := input(object("data"))
	scene := &tick.Scene{State: object("state"), Item: e.Field("item"), Event: in}
	switch {
	case e.Field("handler").Kind() != value.KindNone:
		p, faults := tick.Compile(e.Field("handler"), "handler")
		if len(faults) > 0 {
			return faults[0].Error()
		}
		got, warnings := p.Run(object("before"), in, nil)
		var reasons []string
		for _, w := range warnings {
			reasons = append(reasons, w.Reason.String())
		}
		var want []string
		for _, w := range e.Field("warnings").Items() {
			want = append(want, w.Text())
		}
		if !slices.Equal(reasons, want) {
			return "the warnings are other ones: " + strings.Join(reasons, " ")
		}
		return differ(got, object("after"))
	case e.Field("template").Kind() != value.KindNone:
		p, faults := tick.CompileTemplate(e.Field("template"), "template", tick.ScopeState)
		if len(faults) > 0 {
			return faults[0].Error()
		}
		got, err := p.Make(scene, nil)
		if err != nil {
			return err.Error()
		}
		return differ(got, e.Field("gives"))
	}
	p, faults := tick.CompilePredicate(e.Field("predicate"), "predicate", tick.ScopeState)
	if e.Field("where").Kind() != value.KindNone {
		p, faults = tick.CompileWhere(e.Field("where"), "where", tick.ScopeState)
	}
	if len(faults) > 0 {
		return faults[0].Error()
	}
	if got, err := p.Holds(scene, nil); err != nil || got != e.Field("holds").Truth() {
		return "the predicate is not " + e.Field("holds").String()
	}
	return ""
}

// differ compares texts: spelling and order count.
func differ(got, want tick.Value) string {
	if got.String() != want.String() {
		return "gives " + got.String() + ", want " + want.String()
	}
	return ""
}
