package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/internal/strictjson"
)

// FuzzCheck holds Check against encoding/json: the same texts are well-formed,
// and the keys of each object differ just when its tokens say so.
func FuzzCheck(f *testing.F) {
	z := prooftest.Target(f)
	for _, seed := range []string{
		typical, object(20, -1), object(20, 7), `{"a":{"a":[1,{"a":1,"a":2}]}}`, `{"\u0061":1,"a":2}`, `"\ud800"`, `"\ud83d\ude00"`,
		`[[[[]]]]`, `-1.5e+9`, `[1,]`, "\"\xff\"", "\ufeff1", `{"":{"":0},"\u0000":0}`, "", "{\"a\x7f\":0}",
	} {
		z.Add([]byte(seed))
	}
	z.Run(checkAgainstOracle)
}

func checkAgainstOracle(t *testing.T, text []byte) {
	const most = 5
	before := bytes.Clone(text)
	err := strictjson.Check(text, most)
	if !bytes.Equal(before, text) {
		t.Fatal("the text was changed")
	}
	var fault *strictjson.Error
	if err != nil && (!errors.As(err, &fault) || fault.Offset < 0 || fault.Offset > len(text) || !utf8.ValidString(err.Error())) {
		t.Fatalf("not a proper error: %v", err)
	}
	if want := strict(text, most); want != (err == nil) {
		t.Fatalf("%q: Check says %v, the oracle %v", text, err, want)
	}
}

// strict is the slow and simple judgement.
func strict(text []byte, most int) bool {
	if !utf8.Valid(text) || !json.Valid(text) || loneSurrogate(string(text)) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var open []map[string]bool // the keys of each open object; nil for an array
	key := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			key = len(open) > 0 && open[len(open)-1] != nil
			if len(open) > most {
				return false
			}
			continue
		case string:
			if key {
				if open[len(open)-1][token] {
					return false
				}
				open[len(open)-1][token] = true
				key = false
				continue
			}
		}
		key = len(open) > 0 && open[len(open)-1] != nil
	}
}

var (
	escapes    = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|[^u])`)
	surrogates = regexp.MustCompile(`^u[dD][89a-fA-F]`)
	pairs      = regexp.MustCompile(`H L `)
)

// loneSurrogate looks at a well-formed text: its escapes are made H or L for
// surrogates, and what is left without its pair is alone.
func loneSurrogate(text string) bool {
	var b strings.Builder
	end := 0
	for _, at := range escapes.FindAllStringIndex(text, -1) {
		escape := text[at[0]+1 : at[1]]
		if at[0] != end {
			b.WriteString("x ")
		}
		end = at[1]
		switch {
		case !surrogates.MatchString(escape):
			b.WriteString("x ")
		case strings.ContainsAny(escape[2:3], "89abAB"):
			b.WriteString("H ")
		default:
			b.WriteString("L ")
		}
	}
	return strings.ContainsAny(pairs.ReplaceAllString(b.String(), ""), "HL")
}

func TestAgreesWithEncodingJSONOnRandomTexts(t *testing.T) {
	pieces := []string{
		"{", "}", "[", "]", ",", ":", `"a"`, `"b"`, `"\u0061"`, `"\ud83d\ude00"`, `"\ud83d"`, `"😀"`, `""`, "1", "-0.5e3", "true", "null", " ",
		`{"a":1}`, `{"a":1,"b":2}`, `[1,2]`, `"a":1`, `"b":[]`, "\\", "\x00", "\xc3",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "text"), "")
		err := strictjson.Check([]byte(text), 3)
		if want := strict([]byte(text), 3); want != (err == nil) {
			t.Fatalf("%q: Check says %v, the oracle %v", text, err, want)
		}
	})
}

func TestAgreesWithEncodingJSONOnEveryChangeOfABit(t *testing.T) {
	for _, base := range []string{`{"a":1,"b":{"c":[true,null]}}`, `["\ud83d\ude00\n",-1.5e+3]`} {
		for i := range len(base) * 8 {
			text := []byte(base)
			text[i/8] ^= 1 << (i % 8)
			checkAgainstOracle(t, text)
		}
		for i := range base {
			checkAgainstOracle(t, []byte(base[:i]))
		}
	}
}
