package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stet-db/stet/server/httpapi"
)

const byAnna = `"metadata":{"actor":{"type":"user","id":"anna"}}`

func notes(t *testing.T, change func(*httpapi.Options)) *kit {
	t.Helper()
	k := newKit(t, "", change)
	k.put(file(t, "testdata", "notes.json"))
	return k
}

// S0.17, S1.4
func TestABatchIsWrittenWholeOrNotAtAll(t *testing.T) {
	k := notes(t, nil)
	a := k.post("/note/1", `{"events":[{"type":"was_written","data":{"text":"a"}},{"type":"was_counted"}],`+byAnna+`}`)
	k.want(a, http.StatusCreated, `{"ok":true,"stream_ids":["1705900002000-0","1705900002000-1"],"count":2,"length":2,"position":3}`)
	a = k.post("/note/1", `{"events":[{"type":"was_counted"},{"type":"was_written","data":{"text":1}}],`+byAnna+`}`)
	if path := k.refused(a, http.StatusUnprocessableEntity, "INVALID_DATA"); path != "events[1].data.text" {
		t.Errorf("path %q", path)
	}
	k.want(k.get("/note/1/length"), http.StatusOK, `{"ok":true,"length":2}`)
	k.want(k.post("/note/1/was_counted?state=true", `{`+byAnna+`}`), http.StatusCreated,
		`{"ok":true,"stream_id":"1705900003000-0","length":3,"position":4,"state":{"text":"a","count":2}}`)
}

func TestWhatIsImpliedIsCounted(t *testing.T) {
	k := notes(t, nil)
	k.want(k.post("/note/1/was_shared", `{"data":{"list":"l"},`+byAnna+`}`), http.StatusCreated,
		`{"ok":true,"stream_id":"1705900002000-0","length":1,"position":3,"implied_count":1}`)
	a := k.get("/list/l/events?detail=full")
	var page struct {
		Events []struct {
			ID       string
			Data     struct{ Note string }
			Metadata struct {
				CausationID string `json:"causation_id"`
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || len(page.Events) != 1 || page.Events[0].Data.Note != "1" || page.Events[0].Metadata.CausationID == "" {
		t.Errorf("%v: %s", err, a.body)
	}
}

// S0.27, S1.5
func TestALengthIsDemandedAndBothAreNamed(t *testing.T) {
	k := notes(t, nil)
	demand := func(n int) string {
		return fmt.Sprintf(`{"metadata":{"actor":{"type":"user","id":"a"},"previous_length":%d}}`, n)
	}
	a := k.post("/note/1/was_counted", demand(2))
	k.want(a, http.StatusConflict, `{"ok":false,"error":"the length of \"note-1\" is 0, and 2 was expected","code":"CONFLICT","previous_length":2,"length":0}`)
	for n := range 3 {
		if a := k.post("/note/1/was_counted", demand(n)); a.status != http.StatusCreated {
			t.Errorf("%d: %d %s", n, a.status, a.body)
		}
	}
	k.refused(k.post("/note/1/was_counted", demand(2)), http.StatusConflict, "CONFLICT")
	a = k.post("/note/1/was_counted", `{"metadata":{"actor":{"type":"user","id":"a"},"skip_occ":true}}`)
	if a.status != http.StatusCreated {
		t.Errorf("skip_occ: %d %s", a.status, a.body)
	}
}

func TestARepeatedWriteGetsTheFirstAnswer(t *testing.T) {
	k := notes(t, nil)
	for name, c := range map[string]struct {
		path, body, other string
		status            int
	}{
		"event": {"/note/1/was_counted", `{` + byAnna + `}`, `{"data":{},"metadata":{"actor":{"type":"user","id":"b"}}}`, http.StatusCreated},
		"batch": {"/note/2", `{"events":[{"type":"was_counted"},{"type":"was_counted"}],` + byAnna + `}`, `{"events":[{"type":"was_counted"}],` + byAnna + `}`, http.StatusCreated},
		"alias": {"/api/1.0/noteWritten", `{"id":"3","by":"b","text":"t"}`, `{"id":"3","by":"b","text":"u"}`, http.StatusOK},
	} {
		key := "k-" + name
		first := k.post(c.path, c.body, "X-Idempotency-Key", key)
		second := k.post(c.path, c.body, "X-Idempotency-Key", key)
		if first.status != c.status || second.status != c.status || first.body != second.body {
			t.Errorf("%s: %d %s, then %d %s", name, first.status, first.body, second.status, second.body)
		}
		if first.header.Get("Idempotent-Replayed") != "" || second.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: replayed %q, then %q", name, first.header.Get("Idempotent-Replayed"), second.header.Get("Idempotent-Replayed"))
		}
		k.refused(k.post(c.path, c.other, "X-Idempotency-Key", key), http.StatusConflict, "IDEMPOTENCY_MISMATCH")
	}
	for _, bad := range []string{strings.Repeat("k", 129), "a\tb"} {
		k.refused(k.post("/note/1/was_counted", `{`+byAnna+`}`, "X-Idempotency-Key", bad), http.StatusBadRequest, "INVALID_REQUEST")
	}
}

// S4.1, S4.2, S4.9
func TestAPathOfTheSpecificationStandsForAnEvent(t *testing.T) {
	k := notes(t, nil)
	k.want(k.post("/api/1.0/noteWritten", `{"id":"auth0|123456","by":"auth0|9","text":"t"}`), http.StatusOK,
		`{"ok":true,"stream_id":"1705900002000-0","length":1,"position":2}`)
	k.want(k.get("/note/auth0%7C123456"), http.StatusOK,
		`{"ok":true,"data":{"id":"auth0|123456","by":"auth0|9","text":"t"},"metadata":{"length":1,"created_at":1705900002,"updated_at":1705900002}}`)
	k.want(k.post("/v2/notes", `{"data":{"n":7},`+byAnna+`}`), http.StatusOK, `{"ok":true,"stream_id":"1705900003000-0","length":1,"position":3}`)
	if a := k.get("/note/n7/events"); !strings.Contains(a.body, `"actor":{"type":"user","id":"anna"}`) {
		t.Error(a.body)
	}
	for _, c := range []struct {
		path, body string
		status     int
		code       string
	}{
		{"/api/1.0/noteWritten", `{"by":"b"}`, 422, "INVALID_ID"},
		{"/api/1.0/noteWritten", `{"id":{},"by":"b"}`, 422, "INVALID_ID"},
		{"/api/1.0/noteWritten", `{"id":"a/b","by":"b"}`, 422, "INVALID_ID"},
		{"/api/1.0/noteWritten", `{"id":"a"}`, 422, "INVALID_ACTOR"},
		{"/api/1.0/noteWritten", `[]`, 422, "INVALID_ID"},
		{"/api/1.0/noteWritten", `{`, 400, "NOT_JSON"},
		{"/v2/notes", `{"data":{"n":7}}`, 422, "INVALID_ACTOR"},
		{"/v2/notes", `{"n":7}`, 422, "INVALID_REQUEST"},
		// An encoded slash is part of an id or a type, never between them.
		{"/api%2F1.0/noteWritten", `{"events":[{"type":"was_counted"}]}`, 404, "UNKNOWN_TYPE"},
	} {
		k.refused(k.post(c.path, c.body), c.status, c.code)
	}
	if a := k.get("/v2/notes"); a.header.Get("Allow") != "POST" {
		t.Errorf("%d, allow %q", a.status, a.header.Get("Allow"))
	}
}

func TestMetadataIsKeptAndGivenBack(t *testing.T) {
	k := notes(t, nil)
	a := k.post("/note/1/was_written", `{"data": {"text" : "a\u0041", "n":1.50} ,"metadata":{"actor":{"type":"user","id":"anna"},
		"occurred_at":"2020-01-02T03:04:05.678Z","correlation_id":"c","causation_id":"d","event_id":"0190A4C8-7B5E-7CCC-8000-000000000001",
		"schema_version":1,"tags":["x","y"],"extra":{"why":"so","b":""}}}`)
	if a.status != http.StatusCreated {
		t.Fatal(a.body)
	}
	want := `{"ok":true,"events":[{"stream_id":"1705900002000-0","key":"note:1","type":"was_written","data":{"text" : "a\u0041", "n":1.50},` +
		`"metadata":{"timestamp":1705900002,"actor":{"type":"user","id":"anna"},"correlation_id":"c","causation_id":"d","extra":{"b":"","why":"so"}`
	if a := k.get("/note/1/events"); a.body != want+"}}]}\n" {
		t.Errorf("%s, want\n%s", a.body, want)
	}
	detail := `,"recorded_at":1705900002000,"occurred_at":1577934245678,"tags":["x","y"],"schema_version":1},"id":"0190a4c8-7b5e-7ccc-8000-000000000001","version":1,"position":2}]}`
	if a := k.get("/note/1/events?detail=full"); a.body != want+detail+"\n" {
		t.Errorf("%s, want\n%s", a.body, want+detail)
	}
}
