package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/internal/strictjson"
)

func TestAPathLeadsToTheValueAtAByte(t *testing.T) {
	// The byte is the one behind the mark.
	for text, want := range map[string]string{
		`^1`:                            ``,
		`^{"a":1}`:                      ``,
		`{^"a":1}`:                      ``,
		`{"a^":1}`:                      ``,
		`{"a":^1}`:                      `a`,
		`{"a":1,^"b":2}`:                ``,
		`{"a":1,"b":^2}`:                `b`,
		`{"a":[1,{"b":^2}]}`:            `a[1].b`,
		`{"a":[1,{"b":[[],[1,^2]]}]}`:   `a[1].b[1][1]`,
		`[[1,2],[3,"x,]}{\"",^4]]`:      `[1][2]`,
		`{"a":{"b":1},"c":^2}`:          `c`,
		`{"a b":{"c.d":{"":[^1]}}}`:     `["a b"]["c.d"][""][0]`,
		`{"\u0061\n":^1}`:               `["a\n"]`,
		`{"a":"x^y"}`:                   `a`,
		`{"a":[1,2,3]^}`:                `a`,
		`{"é":{"$x":{"a-b":^1}}}`:       `é.$x.a-b`,
		`{"a":{"x":1,"y":[{},{"z":^}]}`: `a.y[1].z`,
		`]]}},,::^`:                     ``,
		`{"a":1}}}^`:                    ``,
	} {
		offset := strings.IndexByte(text, '^')
		if got := strictjson.PathTo([]byte(strings.Replace(text, "^", "", 1)), offset); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := strictjson.PathTo([]byte(`{"a":[1]}`), 1000); got != "" {
		t.Errorf("behind the end: %q", got)
	}
	if got := strictjson.PathTo([]byte(`{"a":[1]}`), -5); got != "" {
		t.Errorf("before the start: %q", got)
	}
}

func FuzzPathTo(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte(`{"a":[1,{"b":2}]}`), 14)
	z.Add([]byte(`{"\ud83d":[[[`), 9)
	z.Add([]byte(`]}:,"`), 5)
	z.Run(func(t *testing.T, text []byte, offset int) {
		_ = strictjson.PathTo(text, offset) // whatever it is, it must not panic
		var fault *strictjson.Error
		if err := strictjson.Check(text, depth); errors.As(err, &fault) {
			_ = strictjson.PathTo(text, fault.Offset) // the same
		}
	})
}
