package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/internal/strictjson"
)

// FuzzBodies: whatever is sent, the answer is JSON and says what it is; nothing
// panics; and what was accepted is given back byte for byte.
func FuzzBodies(f *testing.F) {
	target := prooftest.Target(f)
	for _, body := range []string{
		`{}`, `{` + byAnna + `}`, `{"data":{"text":"a\u0041"},` + byAnna + `}`, `{"data": {"text" : "@.x", "n":1e-10000000} ,` + byAnna + `}`,
		`{"events":[{"type":"was_counted"},{"type":"was_written","data":{"n":1.50}}],` + byAnna + `}`,
		`{"id":"1","by":"b"}`, `{"data":{"n":1,"n":2}}`, `[[[[[[`, "\xff", `{"metadata":{"occurred_at":1,"tags":["a"],"extra":{"a":"b"},"previous_length":0,"skip_occ":false}}`,
		`{"type":"note","events":[{"type":"was_written","refused":"X"}],"expect":{}}`, `{"spec":{"aggregate_types":{}}}`,
	} {
		target.Add(uint8(0), []byte(body))
		target.Add(uint8(1), []byte(body))
		target.Add(uint8(2), []byte(body))
		target.Add(uint8(3), []byte(body))
		target.Add(uint8(4), []byte(body))
	}
	k := newKit(f, "", nil)
	k.put(file(f, "testdata", "notes.json"))
	paths := []string{"/note/1/was_written", "/note/1", "/api/1.0/noteWritten", "/_/test", "/_/spec?dry_run=true"}
	target.Run(func(t *testing.T, which uint8, body []byte) {
		path := paths[int(which)%len(paths)]
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		k.api.ServeHTTP(w, r)
		text := w.Body.Bytes()
		if err := strictjson.Check(bytes.TrimSpace(text), 100); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		var said struct {
			OK     *bool
			Length uint64
		}
		if err := json.Unmarshal(text, &said); err != nil || said.OK == nil || *said.OK != (w.Code < 300) || w.Code >= 500 {
			t.Fatalf("%v: %d %s", err, w.Code, text)
		}
		if w.Code != http.StatusCreated || path != paths[0] {
			return
		}
		var sent struct{ Data json.RawMessage }
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Fatal(err)
		}
		if len(sent.Data) == 0 {
			sent.Data = json.RawMessage("{}")
		}
		w = httptest.NewRecorder()
		k.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/note/1/events?limit=1&reverse=true", http.NoBody))
		if !strings.Contains(w.Body.String(), `"data":`+string(sent.Data)+`,"metadata"`) {
			t.Fatalf("sent %s, got %s", sent.Data, w.Body)
		}
	})
}
