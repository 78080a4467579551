package httpapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/server/httpapi"
)

// Nothing that is refused here may leave an event behind.
func TestBadRequestsAreRefusedAndWriteNothing(t *testing.T) {
	k := notes(t, func(o *httpapi.Options) { o.Limits.RequestBytes = 20_000 })
	k.post("/note/1/was_written", `{"data":{"text":"a"},`+byAnna+`}`)
	head := k.store.Head()
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + `1` + strings.Repeat(`}`, n) }
	write := "/note/1/was_written"
	for _, c := range []struct {
		name, path, body string
		status           int
		code, at         string
	}{
		{"no JSON", write, `{"data":`, 400, "NOT_JSON", ""},
		{"nothing", write, ``, 400, "NOT_JSON", ""},
		{"two texts", write, `{}{}`, 400, "NOT_JSON", ""},
		{"a comment", write, `{/**/}`, 400, "NOT_JSON", ""},
		{"no object", write, `[]`, 422, "INVALID_REQUEST", ""},
		{"null", write, `null`, 422, "INVALID_REQUEST", ""},
		{"a key twice", write, `{"data":{"x":{"a":1,"a":2}}}`, 422, "INVALID_REQUEST", "data.x"},
		{"a key twice, once escaped", write, `{"data":{"a":1,"\u0061":2}}`, 422, "INVALID_REQUEST", "data"},
		{"broken UTF-8", write, "{\"data\":{\"a\":\"\xff\"}}", 422, "INVALID_REQUEST", "data.a"},
		{"an unknown member", write, `{"dat":{}}`, 422, "INVALID_REQUEST", "dat"},
		{"another case", write, `{"Data":{}}`, 422, "INVALID_REQUEST", "Data"},
		{"unknown metadata", write, `{"metadata":{"actor":{"type":"user","id":"a"},"user":1}}`, 422, "INVALID_REQUEST", "metadata.user"},
		{"metadata is null", write, `{"metadata":null}`, 422, "INVALID_REQUEST", "metadata"},
		{"an unknown part of the actor", write, `{"metadata":{"actor":{"type":"user","id":"a","name":"b"}}}`, 422, "INVALID_REQUEST", "metadata.actor.name"},
		{"no actor", write, `{"data":{}}`, 422, "INVALID_ACTOR", "metadata.actor"},
		{"another actor", write, `{"metadata":{"actor":{"type":"robot","id":"a"}}}`, 422, "INVALID_ACTOR", "metadata.actor.type"},
		{"an actor without an id", write, `{"metadata":{"actor":{"type":"user"}}}`, 422, "INVALID_ACTOR", "metadata.actor.id"},
		{"an actor that is a text", write, `{"metadata":{"actor":"anna"}}`, 422, "INVALID_REQUEST", "metadata.actor"},
		{"data is no object", write, `{"data":[1],` + byAnna + `}`, 422, "INVALID_DATA", "data"},
		{"data is null", write, `{"data":null,` + byAnna + `}`, 422, "INVALID_DATA", "data"},
		{"too deep", write, `{"data":` + deep(65) + `,` + byAnna + `}`, 422, "INVALID_DATA", "data" + strings.Repeat(".a", 64)},
		{"far too deep", write, `{"data":` + deep(300) + `}`, 422, "INVALID_REQUEST", "data" + strings.Repeat(".a", 66)},
		{"a number that explodes", write, `{"data":{"n":1e-10000000},` + byAnna + `}`, 422, "INVALID_DATA", "data.n"},
		{"a number of 35 digits", write, `{"data":{"n":12345678901234567890123456789012345},` + byAnna + `}`, 422, "INVALID_DATA", "data.n"},
		{"another type than the schema's", write, `{"data":{"text":1},` + byAnna + `}`, 422, "INVALID_DATA", "data.text"},
		{"too large", write, `{"data":{"text":"` + strings.Repeat("x", 20_000) + `"}}`, 413, "BODY_TOO_LARGE", ""},
		{"a negative length", write, `{"metadata":{"previous_length":-1}}`, 422, "INVALID_REQUEST", "metadata.previous_length"},
		{"a broken length", write, `{"metadata":{"previous_length":1.0}}`, 422, "INVALID_REQUEST", "metadata.previous_length"},
		{"a length that is a text", write, `{"metadata":{"previous_length":"1"}}`, 422, "INVALID_REQUEST", "metadata.previous_length"},
		{"skip_occ is 1", write, `{"metadata":{"skip_occ":1}}`, 422, "INVALID_REQUEST", "metadata.skip_occ"},
		{"no time", write, `{"metadata":{"occurred_at":"yesterday"}}`, 422, "INVALID_REQUEST", "metadata.occurred_at"},
		{"no UUID", write, `{"metadata":{"event_id":"1","actor":{"type":"user","id":"a"}}}`, 422, "INVALID_METADATA", "metadata.event_id"},
		{"a schema version of the future", write, `{"metadata":{"schema_version":9,"actor":{"type":"user","id":"a"}}}`, 422, "INVALID_METADATA", "metadata.schema_version"},
		{"schema version 0", write, `{"metadata":{"schema_version":0}}`, 422, "INVALID_REQUEST", "metadata.schema_version"},
		{"a tag that is no text", write, `{"metadata":{"tags":["a",1]}}`, 422, "INVALID_REQUEST", "metadata.tags[1]"},
		{"extra that is no text", write, `{"metadata":{"extra":{"a":1}}}`, 422, "INVALID_REQUEST", "metadata.extra.a"},
		{"extra that pretends", write, `{"metadata":{"extra":{"key_id":"root"},"actor":{"type":"user","id":"a"}}}`, 422, "INVALID_METADATA", "metadata.extra.key_id"},
		{"an unknown type", "/nothing/1/was_written", `{}`, 404, "UNKNOWN_TYPE", ""},
		{"a type of the server", "/$spec/1/was_written", `{}`, 404, "UNKNOWN_TYPE", ""},
		{"an unknown event", "/note/1/was_lost", `{` + byAnna + `}`, 404, "UNKNOWN_EVENT", ""},
		{"another case of an event", "/note/1/Was_written", `{` + byAnna + `}`, 404, "UNKNOWN_EVENT", ""},
		{"a dot", "/note/%2e/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"two dots", "/note/%2E%2E/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"a slash", "/note/a%2Fb/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"a space", "/note/a%20b/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"a zero byte", "/note/%00/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"broken UTF-8 in an id", "/note/%ff/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"a long id", "/note/" + strings.Repeat("i", 257) + "/was_written", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"no UUID as id", "/thing/1/was_made", `{` + byAnna + `}`, 422, "INVALID_ID", "id"},
		{"no part", "/note//was_written", `{}`, 404, "UNKNOWN_PATH", ""},
		{"a condition", "/note/2/was_checked", `{` + byAnna + `}`, 403, "NO_TEXT", ""},
		{"a list of nothing", "/note/1", `{"events":[],` + byAnna + `}`, 422, "INVALID_REQUEST", "events"},
		{"no list", "/note/1", `{"events":{},` + byAnna + `}`, 422, "INVALID_REQUEST", "events"},
		{"an event without a name", "/note/1", `{"events":[{"data":{}}],` + byAnna + `}`, 422, "INVALID_REQUEST", "events[0].type"},
		{"a length for one of several", "/note/1", `{"events":[{"type":"was_counted","metadata":{"previous_length":1}}],` + byAnna + `}`, 422, "INVALID_REQUEST", "events[0].metadata.previous_length"},
		{"an unknown parameter", write + "?force=true", `{}`, 400, "INVALID_REQUEST", "force"},
		{"a parameter twice", write + "?state=true&state=true", `{}`, 400, "INVALID_REQUEST", "state"},
		{"a parameter that cannot be read", write + "?state=%zz", `{}`, 400, "INVALID_REQUEST", ""},
		{"another word", write + "?state=yes", `{}`, 400, "INVALID_REQUEST", "state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := *k
			k.TB = t
			if at := k.refused(k.post(c.path, c.body), c.status, c.code); at != c.at {
				t.Errorf("path %q, want %q", at, c.at)
			}
		})
	}
	if k.store.Head() != head {
		t.Errorf("%d events were written", k.store.Head()-head)
	}
}

func TestOnlyJSONIsTaken(t *testing.T) {
	k := notes(t, nil)
	for _, c := range [][]string{
		{"Content-Type", ""},
		{"Content-Type", "text/plain"},
		{"Content-Type", "application/x-www-form-urlencoded"},
		{"Content-Type", "application/json; charset=latin-1"},
		{"Content-Type", "application/json, text/plain"},
		{"Content-Encoding", "gzip"},
	} {
		k.refused(k.post("/note/1/was_counted", `{`+byAnna+`}`, c...), http.StatusBadRequest, "WRONG_CONTENT_TYPE")
	}
	if a := k.post("/note/1/was_counted", `{`+byAnna+`}`, "Content-Type", "Application/JSON; charset=UTF-8"); a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestBadQuestionsAreRefused(t *testing.T) {
	k := notes(t, nil)
	k.post("/note/1/was_written", `{"data":{"text":"a"},`+byAnna+`}`)
	for _, c := range []struct {
		path   string
		status int
		code   string
		at     string
	}{
		{"/", 404, "UNKNOWN_PATH", ""},
		{"/note/", 404, "UNKNOWN_PATH", ""},
		{"/note/1/", 404, "UNKNOWN_PATH", ""},
		{"/note/1/events/", 404, "UNKNOWN_PATH", ""},
		{"/note/1/events/2", 404, "UNKNOWN_PATH", ""},
		{"/_", 404, "UNKNOWN_PATH", ""},
		{"/_/nothing", 404, "UNKNOWN_PATH", ""},
		{"/note/1/was_written", 405, "METHOD_NOT_ALLOWED", ""},
		{"/_/test", 405, "METHOD_NOT_ALLOWED", ""},
		{"/nothing", 404, "UNKNOWN_TYPE", ""},
		{"/Note/1", 404, "UNKNOWN_TYPE", ""},
		{"/nothing/1/stream", 404, "UNKNOWN_TYPE", ""},
		{"/_/stream?type=nothing", 404, "UNKNOWN_TYPE", ""},
		{"/_/stream?after=9", 400, "BEYOND_END", "after"},
		{"/_/stream?after=-1", 400, "INVALID_REQUEST", "after"},
		{"/_/stream?tag=", 400, "INVALID_REQUEST", ""},
		{"/note/1/stream?after=2", 400, "BEYOND_END", "after"},
		{"/note/%00/stream", 422, "INVALID_ID", "id"},
		{"/note/2", 404, "NOT_FOUND", ""},
		{"/note/%00", 404, "NOT_FOUND", ""},
		{"/note/%ff%2F..", 404, "NOT_FOUND", ""},
		{"/note/1?at=2", 400, "INVALID_REQUEST", "at"},
		{"/note/1?At_length=2", 400, "INVALID_REQUEST", "At_length"},
		{"/note/1?at_length=x", 400, "INVALID_REQUEST", "at_length"},
		{"/note/1?at_length=-1", 400, "INVALID_REQUEST", "at_length"},
		{"/note/1?at_length=18446744073709551616", 400, "INVALID_REQUEST", "at_length"},
		{"/note/1?at_length=0", 404, "BEFORE_FIRST_EVENT", ""},
		{"/note/1?at_length=1&at_time=1", 400, "INVALID_REQUEST", "at_time"},
		{"/note/1?at_time=tuesday", 400, "INVALID_TIME", "at_time"},
		{"/note/1?at_time=1e9", 400, "INVALID_TIME", "at_time"},
		{"/note/1?at_time=1", 404, "BEFORE_FIRST_EVENT", ""},
		{"/note/1?effective_at=1", 404, "BEFORE_FIRST_EVENT", ""},
		{"/note/1?replay=some", 400, "INVALID_REQUEST", "replay"},
		{"/note/1?detail=", 400, "INVALID_REQUEST", "detail"},
		{"/note/1?wait=31", 400, "INVALID_REQUEST", "wait"},
		{"/note/1?min_position=2000000", 400, "POSITION_TOO_FAR", ""},
		{"/note/1?min_position=3&wait=1", 503, "POSITION_NOT_REACHED", ""},
		{"/note/1;x=1?a;b", 404, "NOT_FOUND", ""},
		{"/note/1/length?at_length=1", 400, "INVALID_REQUEST", "at_length"},
		{"/note/1/events?limit=0", 400, "INVALID_REQUEST", "limit"},
		{"/note/1/events?limit=10001", 400, "INVALID_REQUEST", "limit"},
		{"/note/1/events?reverse=1", 400, "INVALID_REQUEST", "reverse"},
		{"/note/1/trace?limit=10001", 400, "INVALID_REQUEST", "limit"},
		{"/note/1/diff", 400, "INVALID_REQUEST", "from_length"},
		{"/note/1/diff?from_length=1&from_time=1", 400, "INVALID_REQUEST", "from_time"},
		{"/note?limit=1001", 400, "INVALID_REQUEST", "limit"},
		{"/note?where=", 400, "INVALID_REQUEST", "where"},
		{"/note?where={", 400, "INVALID_REQUEST", "where"},
		{"/note?where=%7B%22equals%22:[%22%23.x%22,1]%7D", 400, "INVALID_REQUEST", "where.equals[0]"},
		{"/_/spec?version=9", 404, "UNKNOWN_VERSION", ""},
		{"/_/spec/diff", 400, "INVALID_REQUEST", "from"},
		{"/_/spec/diff?from=9", 404, "UNKNOWN_VERSION", ""},
	} {
		t.Run(c.path, func(t *testing.T) {
			k := *k
			k.TB = t
			if strings.HasSuffix(c.path, "?a;b") {
				c.status, c.code = http.StatusBadRequest, "INVALID_REQUEST"
			}
			if at := k.refused(k.get(c.path), c.status, c.code); at != c.at {
				t.Errorf("path %q, want %q", at, c.at)
			}
		})
	}
}

// S0.26
func TestNoMethodChangesOrDeletes(t *testing.T) {
	k := notes(t, nil)
	for _, path := range []string{"/note/1", "/note/1/events", "/note", "/_/spec", "/note/1/was_written", "/_/stream"} {
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
			a := k.ask(method, path, "")
			k.refused(a, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
			if a.header.Get("Allow") == "" {
				t.Errorf("%s %s names no method that is possible", method, path)
			}
		}
	}
	if a := k.ask(http.MethodHead, "/_/spec", ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}

func ring(t *testing.T) *keyring.Ring {
	t.Helper()
	var keys []string
	for _, s := range keyring.Scopes() {
		sum := sha256.Sum256([]byte(s))
		keys = append(keys, fmt.Sprintf(`{"name":"%s-key","hash":"sha256:%s","scopes":[%q]}`, s, hex.EncodeToString(sum[:]), s))
	}
	r, err := keyring.Parse([]byte(`{"keys":[` + strings.Join(keys, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// S0.10, S4.20
func TestEveryRouteWantsAKeyWithItsScope(t *testing.T) {
	k := newKit(t, "", func(o *httpapi.Options) { o.Keys = ring(t); o.Streams = 1 })
	k.key = "admin"
	k.put(file(t, "testdata", "notes.json"))
	k.key = ""
	fill := strings.NewReplacer("{type}", "note", "{id}", "1", "{event}", "was_counted")
	routes := append(httpapi.Routes(), httpapi.Route{Method: http.MethodPost, Pattern: "/v2/notes", Scope: keyring.Write})
	for _, r := range routes {
		t.Run(r.Method+" "+r.Pattern, func(t *testing.T) {
			k := *k
			k.TB = t
			path := fill.Replace(r.Pattern)
			for header, code := range map[string]string{
				"": "NO_KEY", "Bearer": "NO_KEY", "Basic d3JpdGU=": "NO_KEY", "Bearer wrong": "UNKNOWN_KEY", "Bearer ": "NO_KEY",
			} {
				a := k.ask(r.Method, path, "", "Authorization", header)
				k.refused(a, http.StatusUnauthorized, code)
				if a.header.Get("WWW-Authenticate") != "Bearer" {
					t.Error("no challenge")
				}
			}
			for _, s := range keyring.Scopes() {
				k.key = string(s)
				if s != r.Scope {
					k.refused(k.ask(r.Method, path, ""), http.StatusForbidden, "FORBIDDEN")
					continue
				}
				// The rest of the request is bad on purpose: streams would not end.
				if a := k.ask(r.Method, path+"?no=1", ""); a.status != http.StatusBadRequest {
					t.Errorf("scope %s: %d %s", s, a.status, a.body)
				}
			}
		})
	}
	// Who has no key is told nothing of what there is.
	for _, path := range []string{"/nothing", "/_/nothing", "/note/1/nothing/at/all"} {
		k.refused(k.get(path), http.StatusUnauthorized, "NO_KEY")
	}
}

func TestTheNameOfTheKeyIsStamped(t *testing.T) {
	k := newKit(t, "", func(o *httpapi.Options) { o.Keys = ring(t) })
	k.key = "admin"
	k.put(file(t, "testdata", "notes.json"))
	k.key = "write"
	k.post("/note/1/was_counted", `{`+byAnna+`}`)
	k.post("/v2/notes", `{"data":{"n":1},`+byAnna+`}`)
	k.key = "read"
	for _, path := range []string{"/note/1/events", "/note/n1/events"} {
		if a := k.get(path + "?detail=full"); !strings.Contains(a.body, `"key_id":"write-key"`) {
			t.Errorf("%s: %s", path, a.body)
		}
		if a := k.get(path); strings.Contains(a.body, "key_id") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if a := k.get("/_/spec/versions"); !strings.Contains(a.body, `"key_id":"admin-key"`) {
		t.Error(a.body)
	}
}

func TestWithoutKeysOnlyNamesOfLoopbackAreServed(t *testing.T) {
	k := newKit(t, "", func(o *httpapi.Options) { o.LoopbackNamesOnly = true })
	for host, ok := range map[string]bool{
		"localhost": true, "LOCALHOST:7839": true, "127.0.0.1": true, "127.8.9.1:80": true, "[::1]": true, "[::1]:7839": true,
		"example.com": false, "example.com:7839": false, "localhost.example.com": false, "127.0.0.1.example.com": false, "10.0.0.1": false, "[::2]": false, "0.0.0.0:7839": false,
	} {
		a := k.ask(http.MethodGet, "/_/spec", "", "Host", host, "Authorization", "Bearer ignored")
		if ok {
			k.refused(a, http.StatusNotFound, "NO_SPECIFICATION")
		} else {
			k.refused(a, http.StatusForbidden, "HOST_NOT_ALLOWED")
		}
	}
}

func TestPagesOfAllowedSitesMayAskAndRead(t *testing.T) {
	k := newKit(t, "", func(o *httpapi.Options) { o.Keys = ring(t); o.Origins = []string{"https://shop.example"} })
	for origin, allowed := range map[string]bool{"https://shop.example": true, "https://other.example": false, "null": false, "https://shop.example.evil": false} {
		before := k.ask(http.MethodOptions, "/note/1/was_counted", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		after := k.ask(http.MethodGet, "/note/1", "", "Origin", origin)
		if allowed {
			if before.status != http.StatusNoContent || before.header.Get("Access-Control-Allow-Origin") != origin ||
				!strings.Contains(before.header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("before: %d %v", before.status, before.header)
			}
			if after.header.Get("Access-Control-Allow-Origin") != origin || after.header.Get("Vary") != "Origin" {
				t.Errorf("after: %v", after.header)
			}
		} else {
			k.refused(before, http.StatusUnauthorized, "NO_KEY")
			if before.header.Get("Access-Control-Allow-Origin")+after.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s is let in", origin)
			}
		}
		k.refused(after, http.StatusUnauthorized, "NO_KEY")
	}
}

var (
	rowOfCode  = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([0-9]{3}) \\|")
	codeOfFile = regexp.MustCompile(`(?m)^\s+Code[A-Za-z]+\s+= "([A-Z_]+)"`)
)

func TestTheDocumentHasEveryRouteParameterAndCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range httpapi.Routes() {
		if !strings.Contains(string(text), "`"+r.Method+" "+r.Pattern+"`") {
			t.Errorf("no %s %s", r.Method, r.Pattern)
		}
		for _, p := range r.Parameters {
			if !strings.Contains(string(text), "`"+p+"`") {
				t.Errorf("no parameter %s", p)
			}
		}
	}
	inDocument, inCode := map[string]bool{}, map[string]bool{}
	for _, row := range rowOfCode.FindAllStringSubmatch(string(text), -1) {
		inDocument[row[1]] = true
	}
	for _, source := range []string{file(t, "errors.go"), file(t, "..", "..", "replay", "aggregate", "errors.go")} {
		for _, code := range codeOfFile.FindAllStringSubmatch(source, -1) {
			inCode[code[1]] = true
		}
	}
	delete(inCode, "USE_EXECUTE") // of raw appends, which are gRPC's
	if diff := cmp.Diff(inCode, inDocument); diff != "" {
		t.Errorf("codes (-code +document):\n%s", diff)
	}
}

func TestRefusalsAreJSONWhateverTheyQuote(t *testing.T) {
	k := notes(t, nil)
	for _, path := range []string{"/%ff%00%22", "/note/%22%5c%0a/nothing/x", "/" + strings.Repeat("%e2%82%ac", 1000)} {
		if a := k.get(path); !json.Valid([]byte(a.body)) || len(a.body) > 4000 {
			t.Errorf("%.100s: %s", path, a.body)
		}
	}
}
