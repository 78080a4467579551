package httpapi

import (
	"strconv"
	"strings"

	"github.com/stet-db/stet/replay/value"
)

// text is a JSON text being written. Texts that are JSON already go in as they
// are, which encoding/json would not do.
type text struct{ b []byte }

// next puts a comma where one is due.
func (t *text) next() {
	if n := len(t.b); n > 0 && strings.IndexByte("{[:", t.b[n-1]) < 0 {
		t.b = append(t.b, ',')
	}
}

func (t *text) open(bracket byte) {
	t.next()
	t.b = append(t.b, bracket)
}

func (t *text) close(bracket byte) { t.b = append(t.b, bracket) }

func (t *text) key(name string) {
	t.str(name)
	t.b = append(t.b, ':')
}

func (t *text) str(s string) {
	t.next()
	t.b = value.String(strings.ToValidUTF8(s, "\uFFFD")).AppendJSON(t.b)
}

func (t *text) int(n int64) {
	t.next()
	t.b = strconv.AppendInt(t.b, n, 10)
}

func (t *text) uint(n uint64) {
	t.next()
	t.b = strconv.AppendUint(t.b, n, 10)
}

func (t *text) bool(yes bool) {
	t.next()
	t.b = strconv.AppendBool(t.b, yes)
}

func (t *text) raw(json []byte) {
	t.next()
	t.b = append(t.b, json...)
}

func (t *text) value(v value.Value) {
	t.next()
	t.b = v.AppendJSON(t.b)
}

func (t *text) strs(list []string) {
	t.open('[')
	for _, s := range list {
		t.str(s)
	}
	t.close(']')
}

// okay begins an answer.
func okay() *text { return &text{b: append(make([]byte, 0, 512), `{"ok":true`...)} }

// Members of objects, by what they hold.

func (t *text) memberStr(name, s string) {
	t.key(name)
	t.str(s)
}

func (t *text) memberUint(name string, n uint64) {
	t.key(name)
	t.uint(n)
}

func (t *text) memberInt(name string, n int64) {
	t.key(name)
	t.int(n)
}

func (t *text) memberBool(name string, yes bool) {
	t.key(name)
	t.bool(yes)
}

// memberIf leaves out what is not there.
func (t *text) memberIf(name, s string) {
	if s != "" {
		t.memberStr(name, s)
	}
}

// maxAnswer bounds an answer, which is made in memory.
const maxAnswer = 64 << 20

// fits refuses answers that grow too large.
func (t *text) fits() error {
	if len(t.b) > maxAnswer {
		return malformed("limit", "the answer would have more than 64 MiB; ask for less at a time")
	}
	return nil
}
