package value_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/replay/value"
)

func TestATextComesBackInItsOneForm(t *testing.T) {
	for text, want := range map[string]string{
		" \t\r\n{ \"b\" : [ 1 , true , null ] , \"a\" : \"x\" } ": `{"b":[1,true,null],"a":"x"}`,
		`[]`: `[]`, `{}`: `{}`, `[ ]`: `[]`, `{ }`: `{}`, `""`: `""`, `null`: `null`, `true`: `true`, `false`: `false`,
		`[false,{"a":{}},[[]]]`: `[false,{"a":{}},[[]]]`,
		// Numbers keep their spelling, whatever it is.
		`[0,-0,1.0,1.50,1E5,1e+05,-12.34e-10,0.000]`: `[0,-0,1.0,1.50,1E5,1e+05,-12.34e-10,0.000]`,
		// Strings have the fewest escapes.
		`"\u0061\/\"\\\b\f\n\r\t\u0001\u001f\u007f\u00e9\ud83d\ude00"`: "\"a/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7fé😀\"",
		`{"\u0061\n":1}`:        `{"a\n":1}`,
		`"` + "\u2028<>&" + `"`: `"` + "\u2028<>&" + `"`,
	} {
		got := parse(t, text)
		if got.String() != want {
			t.Errorf("%s comes back as %s, want %s", text, got, want)
		}
		if got.Size() != len(want) {
			t.Errorf("%s: the size is said to be %d, not %d", text, got.Size(), len(want))
		}
	}
}

func TestAStrictReaderSaysWhereAndWhat(t *testing.T) {
	digits := func(n int) string { return strings.Repeat("7", n) }
	for _, c := range []struct{ text, path, problem string }{
		{`{"a":1,"a":2}`, ``, `second key "a" in one object`},
		{`{"x":[{"a":1,"\u0061":2}]}`, `x[0]`, `second key "a" in one object`},
		{"{\"x\":\"\xff\"}", `x`, `invalid UTF-8`},
		{`{"a":{"b":[1,2,{"c":01}]}}`, `a.b[2].c`, `unexpected '1' in an object`},
		{`{"a b":[tru]}`, `["a b"][0]`, `unexpected ']' in a word that should be true`},
		{`{"a":[1,1e101]}`, `a[1]`, `exponent outside -100 to 100`},
		{`{"a":[1],"b":{"c":1e-101}}`, `b.c`, `exponent outside -100 to 100`},
		{`[1e-10000000]`, `[0]`, `exponent outside -100 to 100`},
		{`[1e99999999999999999999]`, `[0]`, `exponent outside -100 to 100`},
		{`[1e00000000000000000001]`, `[0]`, `exponent outside -100 to 100`},
		{`{"n":` + digits(35) + `}`, `n`, `more than 34 significant digits`},
		{`{"n":0.` + digits(35) + `}`, `n`, `more than 34 significant digits`},
		{`{"n":-1.` + strings.Repeat("0", 34) + `}`, `n`, `more than 34 significant digits`},
		{`0.` + strings.Repeat("0", 134), ``, `more than 133 places behind the point`},
		{`0.` + strings.Repeat("0", 40) + `1e-100`, ``, `more than 133 places behind the point`},
		{strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[0]", 64), `nested too deep`},
		{``, ``, `the text ends where a value should be`},
		{`{"a":1} 2`, ``, `unexpected '2' after the value`},
		{`{"a":"\ud800"}`, `a`, `escaped surrogate without its partner`},
	} {
		_, err := value.Parse([]byte(c.text))
		var fault *value.ParseError
		if !errors.As(err, &fault) {
			t.Errorf("%.80q passes, or gives another error: %v", c.text, err)
			continue
		}
		if fault.Path != c.path || fault.Problem != c.problem {
			t.Errorf("%.80q: %q at %q, want %q at %q", c.text, fault.Problem, fault.Path, c.problem, c.path)
		}
	}
}

func TestNumbersAreTakenAtTheirLimits(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("9", 34), "-" + strings.Repeat("9", 34), "0." + strings.Repeat("9", 34), "1e100", "1e-100", "1E+100",
		"9." + strings.Repeat("9", 33) + "e100", "9." + strings.Repeat("9", 33) + "e-100", "0e100", "0." + strings.Repeat("0", 132) + "1",
		"0." + strings.Repeat("0", 133), "0.000", "-0", "0e-100", "1e-001",
	} {
		if got := parse(t, text).String(); got != text {
			t.Errorf("%s comes back as %s", text, got)
		}
	}
	if v := parse(t, strings.Repeat("[", 64)+strings.Repeat("]", 64)); v.Depth() != 64 {
		t.Errorf("64 arrays nest %d deep", v.Depth())
	}
}

func TestALongTextIsNotKeptForAShortString(t *testing.T) {
	long := `{"short":"kept","long":"` + strings.Repeat("x", 1<<18) + `"}`
	var kept []value.Value
	before := heap()
	for range 64 { // 16 MiB, if each kept its text
		kept = append(kept, parse(t, long).Field("short"))
	}
	if more := heap() - before; more > 4<<20 {
		t.Errorf("%d strings of 4 bytes keep %d bytes", len(kept), more)
	}
	runtime.KeepAlive(kept)
}

func heap() int64 {
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc)
}

func TestScalarsSayWhatTheyAre(t *testing.T) {
	v := parse(t, `{"s":"a\n\"b\"","n":-12,"f":1.50,"t":true,"x":null,"a":[1,2],"o":{"k":1}}`)
	if s := v.Field("s"); s.Kind() != value.KindString || s.Text() != "a\n\"b\"" || s.Characters() != 5 {
		t.Errorf("%s is %v %q of %d", s, s.Kind(), s.Text(), s.Characters())
	}
	for text, want := range map[string]string{
		"-12": "-12 true", "3.0": "3 true", "3e2": "300 true", "-3.5e1": "-35 true", "1.5": "0 false", "1e30": "0 false",
		"9223372036854775807": "9223372036854775807 true", "9223372036854775808": "0 false", "0e50": "0 true", "1e18": "1000000000000000000 true", `"1"`: "0 false", "null": "0 false",
		"0.10e1": "1 true", "1234567890123456789.0": "0 false",
	} {
		n, whole := parse(t, text).Int64()
		if got := fmt.Sprint(n, whole); got != want {
			t.Errorf("%s as a whole number: %s, want %s", text, got, want)
		}
	}
	if !v.Field("t").Truth() || v.Field("x").Truth() || v.Field("x").Kind() != value.KindNull || v.Field("no").Kind() != value.KindNone {
		t.Error("true, null and nothing are mistaken")
	}
	if v.Field("f").Text() != "1.50" || v.Field("a").Text() != "" || v.Field("a").At(2).Kind() != value.KindNone || v.Field("a").At(-1).Kind() != value.KindNone {
		t.Error("text or items are wrong")
	}
	if v.Len() != 7 || v.Field("a").Len() != 2 || v.Field("s").Len() != 0 || (value.Value{}).String() != "null" {
		t.Error("lengths are wrong")
	}
	var keys []string
	for k := range v.Fields() {
		keys = append(keys, k)
	}
	if strings.Join(keys, "") != "snftxao" {
		t.Errorf("the keys come as %v", keys)
	}
	var n int64
	for i, item := range v.Field("a").Items() {
		got, _ := item.Int64()
		n += got * int64(i+1)
	}
	if n != 5 {
		t.Errorf("the items make %d", n)
	}
}

func TestValuesAreBuiltFromGo(t *testing.T) {
	v := value.Object(
		value.Member{Key: value.KeyOf("a\"b"), Value: value.Array(value.Int(-5), value.Null(), value.Bool(true))},
		value.Member{Key: value.KeyOf("s"), Value: value.String("x\x00\xffy")},
		value.Member{Key: value.KeyOf("s"), Value: value.String("later \\ wins")},
	).With("new", value.String("<é>"))
	const want = `{"a\"b":[-5,null,true],"s":"later \\ wins","new":"<é>"}`
	if v.String() != want {
		t.Errorf("built %s, want %s", v, want)
	}
	if got := value.String("x\x00\xffy").String(); got != `"x\u0000�y"` {
		t.Errorf("a broken text becomes %s", got)
	}
	out, err := json.Marshal(map[string]any{"v": v})
	if err != nil || !json.Valid(out) || v.Field(`a"b`).Len() != 3 || v.Field("s").Key().String() != `later \ wins` {
		t.Errorf("%s %v", out, err)
	}
}

func FuzzParse(f *testing.F) {
	z := prooftest.Target(f)
	for _, seed := range []string{`{"a":[1,2.50,"x\n",null,true,{}]}`, `[[[]]]`, `"\ud83d\ude00"`, `1e100`, `{"a":1,"a":2}`, `[1e-10000000]`, `-0.0e-0`, "\"\\u0041\"", ``} {
		z.Add([]byte(seed))
	}
	z.Run(func(t *testing.T, text []byte) {
		v, err := value.Parse(text)
		if err != nil {
			var fault *value.ParseError
			if !errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		printed := v.String()
		again := parse(t, printed)
		if !json.Valid([]byte(printed)) || again.String() != printed || !value.Equal(v, again) || v.Size() != len(printed) || v.Depth() != again.Depth() {
			t.Fatalf("%q prints as %q, size %d, and again as %q", text, printed, v.Size(), again)
		}
		var want, got any
		if json.Unmarshal(text, &want) == nil && json.Unmarshal([]byte(printed), &got) == nil && fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("%q means %v, but prints as %q", text, want, printed)
		}
	})
}

func TestAParseErrorReadsWell(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[1,1e200]}`: `a[1]: exponent outside -100 to 100 at byte 8`,
		`1e200`:           `exponent outside -100 to 100 at byte 0`,
	} {
		if _, err := value.Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatIsNoArrayOrObjectCountsAsEmpty(t *testing.T) {
	o, n := parse(t, `{"a":1}`), value.Int(5)
	for got, want := range map[string]string{
		n.Append(n).String(): `[5]`, n.With("k", n).String(): `{"k":5}`, n.Merge(o).String(): `{"a":1}`, o.Merge(n).String(): `{"a":1}`,
		n.WithoutMember(value.KeyOf("a")).String(): `5`, o.WithoutMember(value.KeyOf("b")).String(): `{"a":1}`,
		value.Object().Merge(o).String(): `{"a":1}`, o.Merge(value.Object()).String(): `{"a":1}`, (value.Value{}).Append(n).String(): `[5]`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for range n.Items() {
		t.Error("a number has items")
	}
	for range n.Fields() {
		t.Error("a number has fields")
	}
	if n.Key() != (value.Key{}) {
		t.Error("a number is a key")
	}
}
