package strictjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/strictjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const depth = 64

func TestAcceptsEveryWellFormedText(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `-0`, `true`, `false`, `null`, " \t\r\n[ 1 , 2 ] \n",
		`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}`,
		`{"a":1,"A":2,"":3," ":4}`,
		`-12.34e+56`, `0.5E-7`, `1e9999`, `123456789012345678901234567890.1`,
		`"\"\\\/\b\f\n\r\t\u0000\u00e9\uD83D\uDe00"`,
		"\"\u00e9\u4e16\U0001F600\u2028\x7f\ufeff\ufffd\"",
		`{"\u0061":1,"\u0062":2}`,
		`{"\ud83d\ude00":1,"\ud83d\ude01":2}`,
	} {
		if err := strictjson.Check([]byte(text), depth); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNamesWhereATextIsNotStrict(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
	}{
		{``, 0},
		{`   `, 3},
		{`{} {}`, 3},
		{`1 x`, 2},
		{`]`, 0},
		{`}`, 0},
		{`,`, 0},
		{"\ufeff{}", 0},
		{`[1,]`, 3},
		{`[,1]`, 1},
		{`[1 2]`, 3},
		{`[1`, 2},
		{`[`, 1},
		{`[1}`, 2},
		{`{"a":1,}`, 7},
		{`{"a"}`, 4},
		{`{"a":}`, 5},
		{`{a:1}`, 1},
		{`{1:1}`, 1},
		{`{"a":1 "b":2}`, 7},
		{`{`, 1},
		{`{"a":1`, 6},
		{`{"a":1]`, 6},
		{`{"a`, 3},
		{`{"a" 1}`, 5},
		{`tru`, 3},
		{`truE`, 3},
		{`nul`, 3},
		{`falsy`, 4},
		{`NaN`, 0},
		{`Infinity`, 0},
		{`'a'`, 0},
		{`//`, 0},
		{`01`, 1},
		{`-`, 1},
		{`+1`, 0},
		{`.5`, 0},
		{`1.`, 2},
		{`1.e1`, 2},
		{`1e`, 2},
		{`1e+`, 3},
		{`-a`, 1},
		{`0x1`, 1},
		{`1e1.5`, 3},
		{`"`, 1},
		{`"a`, 2},
		{"\"a\nb\"", 2},
		{"\"\x00\"", 1},
		{"\"\x1f\"", 1},
		{`"\`, 2},
		{`"\x"`, 2},
		{`"\u12"`, 5},
		{`"\u123`, 6},
		{`"\u123g"`, 6},
		{`"\`, 2},
		{`"ab\ud800"`, 3},
		{`"\udc00"`, 1},
		{`"\udc00\udc00"`, 1},
		{`"\udc00\ud800"`, 1},
		{`"\ud800x"`, 1},
		{`"\ud800\n"`, 1},
		{`"\ud800\u0041"`, 1},
		{`"\ud800\ud800"`, 1},
		{`"\ud800\u00"`, 11},
		{`"\ud800\u`, 9},
		{`"\ud800`, 1},
		{`"\ud800\`, 1},
		{"\"\xff\"", 1},
		{"\"ab\xc3\"", 3},
		{"{}\x80", 2},
		{"\"\xed\xa0\x80\"", 1},
		{"\"\xc0\xaf\"", 1},
		{"\"\xf4\x90\x80\x80\"", 1},
		{`{"a":1,"a":2}`, 7},
		{`{"a":1,"\u0061":2}`, 7},
		{`{"\u0061":1,"a":2}`, 12},
		{`{"":1,"":2}`, 6},
		{`[{"x":{"b":1,"b":1}}]`, 13},
		{`{"\ud83d\ude00":1,"😀":2}`, 18},
		{`{"\/":1,"/":2}`, 8},
		{`{"\b\f\n\r\t":1,"\u0008\u000c\u000A\u000d\u0009":1}`, 16},
	} {
		err := strictjson.Check([]byte(c.text), depth)
		var fault *strictjson.Error
		if !errors.As(err, &fault) {
			t.Errorf("%q passes, or gives another error: %v", c.text, err)
			continue
		}
		if fault.Offset != c.offset {
			t.Errorf("%q: the fault is said to be at byte %d, want %d (%v)", c.text, fault.Offset, c.offset, err)
		}
	}
}

func TestAcceptsTheDepthAllowedAndNoMore(t *testing.T) {
	nested := func(open, inner, end string, n int) []byte {
		return []byte(strings.Repeat(open, n) + inner + strings.Repeat(end, n))
	}
	for _, c := range []struct{ open, inner, end string }{{"[", "", "]"}, {`{"a":`, "1", "}"}, {`[{"a":`, "1", "}]"}} {
		levels := strings.Count(c.open, "[") + strings.Count(c.open, "{")
		for _, most := range []int{levels, 8 * levels, depth} {
			n := most / levels
			for _, k := range []int{n - 1, n} {
				if err := strictjson.Check(nested(c.open, c.inner, c.end, k), most); k > 0 && err != nil {
					t.Errorf("%d times %s within %d: %v", k, c.open, most, err)
				}
			}
			if err := strictjson.Check(nested(c.open, c.inner, c.end, n+1), most); err == nil {
				t.Errorf("%d times %s passes within %d", n+1, c.open, most)
			}
		}
	}
	if err := strictjson.Check([]byte("1"), 0); err != nil {
		t.Errorf("a bare number has depth 0: %v", err)
	}
	if err := strictjson.Check([]byte("[]"), 0); err == nil {
		t.Error("an array passes within depth 0")
	}
}

func TestHugeDepthIsRefusedWithoutRecursion(t *testing.T) {
	if err := strictjson.Check([]byte(strings.Repeat("[", 8<<20)), depth); err == nil {
		t.Error("eight million brackets pass")
	}
}

func TestFindsTheSecondKeyInObjectsOfEverySize(t *testing.T) {
	for n := 1; n <= 64; n++ {
		for first := range n {
			text := []byte(object(n, first))
			var fault *strictjson.Error
			if err := strictjson.Check(text, depth); !errors.As(err, &fault) {
				t.Fatalf("an object of %d keys and the %d. again: %v", n, first, err)
			}
		}
		if err := strictjson.Check([]byte(object(n, -1)), depth); err != nil {
			t.Fatalf("an object of %d keys: %v", n, err)
		}
	}
}

// object has n different keys, and the one numbered again a second time, spelt
// with an escape.
func object(n, again int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"key%d":%d`, i, i)
	}
	if again >= 0 {
		fmt.Fprintf(&b, `,"k\u0065y%d":0`, again)
	}
	return "{" + b.String()[1:] + "}"
}

func TestAMillionKeysTakeLinearTime(t *testing.T) {
	// Quadratic time would run into the test's time limit.
	if err := strictjson.Check([]byte(object(300_000, -1)), depth); err != nil {
		t.Error(err)
	}
	if err := strictjson.Check([]byte(object(300_000, 299_999)), depth); err == nil {
		t.Error("the last key again passes")
	}
}

func TestMessagesAreShortAndReadable(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"a":2}`: `second key "a" in one object at byte 7`,
		`[1`:            `the text ends in an array at byte 2`,
		`[1;]`:          `unexpected ';' in an array at byte 2`,
		"\"\xff\"":      `invalid UTF-8 at byte 1`,
		`[[]]`:          `nested too deep at byte 1`,
		`"\ud800"`:      `escaped surrogate without its partner at byte 1`,
	} {
		err := strictjson.Check([]byte(text), 1)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	long := strings.Repeat("x", 1<<16)
	if err := strictjson.Check([]byte(`{"`+long+`":1,"`+long+`":1}`), 1); len(err.Error()) > 200 {
		t.Errorf("a message of %d bytes", len(err.Error()))
	}
}

// typical is an object as shops send it: nested, 16 keys at the most.
const typical = `{"order":"550e8400-e29b-41d4-a716-446655440000","lines":[{"sku":"85123A","quantity":6,"price":"2.55"},` +
	`{"sku":"71053","quantity":6,"price":"3.39"}],"customer":{"name":"M\u00fcller","country":"United Kingdom"},"paid":true,"note":null,` +
	`"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9.5e-3,"j":[]}`

func TestCheckAllocatesNothing(t *testing.T) {
	deep := []byte(strings.Repeat(`{"a":1,"b":2,"c":`, depth) + "1" + strings.Repeat("}", depth))
	for _, text := range [][]byte{[]byte(typical), []byte(object(16, -1)), deep} {
		if n := testing.AllocsPerRun(100, func() {
			if err := strictjson.Check(text, depth); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%.0f allocations for %.40s", n, text)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for name, text := range map[string]string{
		"typical": typical,
		"wide":    object(1000, -1),
		"text":    `"` + strings.Repeat("lorem ipsum ", 1000) + `"`,
	} {
		text := []byte(text)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := strictjson.Check(text, depth); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
