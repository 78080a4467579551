package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// eventPage is an answer with events, as far as tests look.
type eventPage struct {
	Events []struct {
		StreamID string `json:"stream_id"`
		Type     string
		Version  uint64
		Data     json.RawMessage
	}
	Next uint64
}

func (k *kit) page(path string) eventPage {
	k.Helper()
	var p eventPage
	a := k.get(path)
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != http.StatusOK {
		k.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return p
}

func TestHistoryIsPagedBothWays(t *testing.T) {
	k := notes(t, nil)
	const n = 25
	k.post("/note/1", `{"events":[{"type":"was_written"}`+strings.Repeat(`,{"type":"was_counted"}`, n-1)+`],`+byAnna+`}`)
	for _, reverse := range []string{"", "&reverse=true"} {
		var versions []string
		for after := uint64(0); ; {
			p := k.page(fmt.Sprintf("/note/1/events?detail=full&limit=7&after=%d%s", after, reverse))
			for _, e := range p.Events {
				versions = append(versions, fmt.Sprint(e.Version))
				if want := fmt.Sprintf("1705900002000-%d", e.Version-1); e.StreamID != want {
					t.Errorf("version %d is %s, want %s", e.Version, e.StreamID, want)
				}
			}
			if after = p.Next; after == 0 {
				break
			}
		}
		if len(versions) != n || (versions[0] == "1") != (reverse == "") {
			t.Errorf("reverse %q: %v", reverse, versions)
		}
	}
	if p := k.page("/note/1/events?type=was_written&type=nothing"); len(p.Events) != 1 || p.Next != 0 {
		t.Errorf("%+v", p)
	}
	if p := k.page("/note/1/events?after=25"); len(p.Events) != 0 || p.Next != 0 {
		t.Errorf("%+v", p)
	}
}

// S3.9, S4.14
func TestTimesBoundHistory(t *testing.T) {
	k := notes(t, nil)
	for range 5 { // at 1705900002 and each second after
		k.post("/note/1/was_counted", `{`+byAnna+`}`)
	}
	for query, want := range map[string]int{
		"from_time=1705900004":                                      3,
		"until_time=1705900004":                                     2,
		"from_time=1705900003&until_time=1705900005":                2,
		"from_time=1705900003000&until_time=1705900003001":          1,
		"from_time=2024-01-22T05:06:45Z":                            2,
		"from_time=" + url.QueryEscape("2024-01-22T06:06:45+01:00"): 2,
		"until_time=1": 0,
	} {
		if p := k.page("/note/1/events?" + query); len(p.Events) != want {
			t.Errorf("%s: %d events, want %d", query, len(p.Events), want)
		}
	}
	k.want(k.get("/note/1/diff?from_time=1705900003&to_length=5&limit=1"), http.StatusOK, `{"ok":true,"from_length":2,"to_length":5,
		"patch":[{"op":"replace","path":"/count","value":5}],
		"events":[{"stream_id":"1705900004000-0","key":"note:1","type":"was_counted","data":{},"metadata":{"timestamp":1705900004,"actor":{"type":"user","id":"anna"}}}],"next":3}`)
	k.want(k.get("/note/1/diff?from_length=0&to_length=1&limit=1"), http.StatusOK, `{"ok":true,"from_length":0,"to_length":1,
		"patch":[{"op":"add","path":"/count","value":1}],
		"events":[{"stream_id":"1705900002000-0","key":"note:1","type":"was_counted","data":{},"metadata":{"timestamp":1705900002,"actor":{"type":"user","id":"anna"}}}]}`)
}

// S4.16
func TestAggregatesAreListedAsTheyAreAndWere(t *testing.T) {
	k := notes(t, nil)
	for i := range 5 {
		k.post(fmt.Sprintf("/note/n%d/was_written", i), fmt.Sprintf(`{"data":{"n":%d},`+byAnna+`}`, i))
	}
	list := func(query string) (ids []string, next string) {
		t.Helper()
		var page struct {
			Aggregates []struct{ ID string }
			Next       string
		}
		a := k.get("/note?" + query)
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, a.status, a.body)
		}
		for _, item := range page.Aggregates {
			ids = append(ids, item.ID)
		}
		return ids, page.Next
	}
	ids, next := list("limit=2")
	if fmt.Sprint(ids) != "[n0 n1]" || next != "n1" {
		t.Errorf("%v, next %q", ids, next)
	}
	if ids, next = list("limit=3&after=n1"); fmt.Sprint(ids) != "[n2 n3 n4]" || next != "" {
		t.Errorf("%v, next %q", ids, next)
	}
	if ids, _ = list("at_time=1705900004"); fmt.Sprint(ids) != "[n0 n1 n2]" {
		t.Errorf("%v", ids)
	}
	if ids, _ = list("where=" + url.QueryEscape(`{"gte":["%.n",3]}`)); fmt.Sprint(ids) != "[n3 n4]" {
		t.Errorf("%v", ids)
	}
	k.want(k.get("/note?limit=1&detail=full"), http.StatusOK, `{"ok":true,"aggregates":[{"id":"n0","data":{"n":0},"metadata":{"length":1,
		"created_at":1705900002,"updated_at":1705900002,"skipped":0,"warnings":[],"position":2}}],"next":"n0"}`)
	k.want(k.get("/list"), http.StatusOK, `{"ok":true,"aggregates":[]}`)
}

func TestWhatHandlersCouldNotDoIsTold(t *testing.T) {
	k := notes(t, nil)
	a := k.post("/note/1", `{"events":[{"type":"was_copied"},{"type":"was_copied"}],`+byAnna+`}`)
	if a.status != http.StatusCreated {
		t.Fatal(a.body) // a handler keeps no fact out
	}
	for _, path := range []string{"/note/1", "/note", "/note/1/trace"} {
		if a := k.get(path); a.header.Get("Stet-Warnings") != "skipped=0, warnings=2" || a.status != http.StatusOK {
			t.Errorf("%s: %d %q %s", path, a.status, a.header.Get("Stet-Warnings"), a.body)
		}
	}
	a = k.get("/note/1?detail=full")
	for _, want := range []string{`"event":"was_copied"`, `"reason":"missing_value"`, `"count":2`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	if a := k.get("/note/1/trace?detail=full"); !strings.Contains(a.body, `"warnings":[{"operation":`) || !strings.Contains(a.body, `"state":{}`) {
		t.Error(a.body)
	}
}

// What was written before its category had a specification can be anything.
func TestEventsFromBeforeTheSpecificationAreGivenAsTheyAre(t *testing.T) {
	k := newKit(t, "", nil)
	for _, e := range []storage.Event{
		{Type: "was_written", Kind: storage.PayloadBinary, Payload: []byte{0, 255}},
		{Type: "Any Thing", Kind: storage.PayloadJSON, Payload: []byte(" [1 , 2]\n")},
	} {
		event, faults := record.NewEventOf(&e, storage.Limits{}.WithDefaults())
		if faults != nil {
			t.Fatal(faults)
		}
		event.ID = storage.EventID{1}
		at, _ := k.clock.Stamp()
		if _, err := k.store.Append(context.Background(), &storage.Append{Time: at, Entries: []storage.Entry{
			{Stream: "note-a b", Expectation: storage.ExpectAny(), Events: []storage.NewEvent{event}},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	k.put(file(t, "testdata", "notes.json"))
	a := k.get("/note/a%20b/events")
	k.want(a, http.StatusOK, `{"ok":true,"events":[
		{"stream_id":"1705900001000-0","key":"note:a b","type":"was_written","data":null,"data_base64":"AP8=","metadata":{"timestamp":1705900001}},
		{"stream_id":"1705900002000-0","key":"note:a b","type":"Any Thing","data":[1,2],"metadata":{"timestamp":1705900002}}]}`)
	if !strings.Contains(a.body, "\"data\": [1 , 2]\n") && !strings.Contains(a.body, "\"data\":[1 , 2]") && !strings.Contains(a.body, "\"data\": [1 , 2]") {
		t.Errorf("not as it is: %s", a.body)
	}
	if a := k.get("/note/a%20b"); a.status != http.StatusOK || a.header.Get("Stet-Warnings") != "skipped=1, warnings=1" {
		t.Errorf("%d %q %s", a.status, a.header.Get("Stet-Warnings"), a.body)
	}
}

// S1.22, S1.21
func TestOldEventsAreGivenAsStoredOrUpcast(t *testing.T) {
	k := newKit(t, "", nil)
	k.put(example(t, "bank"))
	teller := `"metadata":{"actor":{"type":"teller","id":"t"},"schema_version":1}`
	if a := k.post("/account/1/AccountCreated", `{"data":{"owner":"Ann","initial_balance":10.50},`+teller+`}`); a.status != http.StatusCreated {
		t.Fatal(a.body)
	}
	for query, want := range map[string]string{"": `{"owner":"Ann","initial_balance":10.50}`, "?upcast=true": `{"owner":"Ann","initial_balance":10.50,"email":null}`} {
		if p := k.page("/account/1/events" + query); string(p.Events[0].Data) != want {
			t.Errorf("%q: %s", query, p.Events[0].Data)
		}
	}
}

// S0.2, S0.22, S1.20
func TestASpecificationIsPutListedComparedAndTested(t *testing.T) {
	k := newKit(t, "", nil)
	k.refused(k.get("/_/spec"), http.StatusNotFound, "NO_SPECIFICATION")
	first := file(t, "testdata", "notes.json")
	if a := k.post("/_/spec?dry_run=true", first); !strings.Contains(a.body, `"version":1,"written":false`) {
		t.Error(a.body)
	}
	a := k.post("/_/spec?previous_length=0", `{"spec":`+first+`}`)
	if a.status != http.StatusOK || !strings.HasPrefix(a.body, `{"ok":true,"version":1,"written":true,"position":1,"warnings":[`) {
		t.Error(a.body)
	}
	k.refused(k.post("/_/spec?previous_length=0", first), http.StatusConflict, "CONFLICT")
	k.post("/note/1/was_counted", `{`+byAnna+`}`)
	second := strings.Replace(first, `"was_counted": {"handler": {"increment": {"target": "count"}}},`, "", 1)
	k.refused(k.post("/_/spec", second), http.StatusUnprocessableEntity, "INCOMPATIBLE_CHANGE")
	third := strings.Replace(first, `{"target": "count"}`, `{"target": "count", "by": 10}`, 1)
	k.put(third)
	k.want(k.get("/note/1"), http.StatusOK, `{"ok":true,"data":{"count":10},"metadata":{"length":1,"created_at":1705900002,"updated_at":1705900002}}`)
	k.want(k.get("/_/spec/diff?from=1"), http.StatusOK, `{"ok":true,"changes":[{"path":"aggregate_types.note.events.was_counted.handler","kind":"changed"}]}`)
	if a := k.post("/_/spec?force=true", second); a.status != http.StatusOK {
		t.Error(a.body)
	}
	if a := k.get("/note/1"); a.header.Get("Stet-Warnings") != "skipped=1, warnings=0" {
		t.Errorf("%v", a.header)
	}
	if a := k.get("/_/spec?version=1"); !strings.HasPrefix(a.body, `{"ok":true,"version":1,"recorded_at":1705900001000,"bytes":`) || !strings.Contains(a.body, `"spec":`+first[:20]) {
		t.Error(a.body)
	}
	if a := k.get("/_/spec/versions?limit=2"); !strings.HasSuffix(a.body, `],"next":2}`+"\n") {
		t.Error(a.body)
	}
}

func TestAllFaultsOfASpecificationAreTold(t *testing.T) {
	k := newKit(t, "", nil)
	a := k.post("/_/spec", `{"aggregate_types":{"9":{"events":{}},"a":{"events":{"e f":{},"g":{"handler":{"leap":{}}}}}},"more":1}`)
	k.refused(a, http.StatusUnprocessableEntity, "INVALID_SPECIFICATION")
	var body struct {
		Faults []struct{ Path, Problem string }
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || len(body.Faults) < 4 {
		t.Errorf("%v: %s", err, a.body)
	}
	k.refused(k.post("/_/spec", `{"aggregate_types":`), http.StatusBadRequest, "NOT_JSON")
	k.refused(k.post("/_/spec", `{"aggregate_types":{},"aggregate_types":{}}`), http.StatusUnprocessableEntity, "INVALID_SPECIFICATION")
	k.refused(k.post("/_/spec", strings.Repeat(" ", 1<<20+64<<10)+"{}"), http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE")
	if k.store.Head() != 0 {
		t.Error("something was written")
	}
}

func TestHandlersAreTestedWithoutStoring(t *testing.T) {
	k := newKit(t, "", nil)
	run := func(expect string) answer {
		return k.post("/_/test", `{"spec":`+file(t, "testdata", "notes.json")+`,"type":"note","events":[
			{"type":"was_written","data":{"text":"a"},"metadata":{"actor":{"type":"user","id":"u"}},"recorded_at":1700000000},
			{"type":"was_counted","refused":"INVALID_ACTOR"},{"type":"was_lost"}],"expect":`+expect+`}`)
	}
	a := run(`{"text":"a"}`)
	for _, want := range []string{`{"ok":true,"passed":true,"problems":[],"data":{"text":"a"},"patch":[],"steps":[{"index":0,`, `{"index":2,"type":"was_lost","patch":[],"skipped":true}`} {
		if a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("%d %s, want %s", a.status, a.body, want)
		}
	}
	if a := run(`{"text":"b"}`); !strings.Contains(a.body, `"passed":false`) || !strings.Contains(a.body, `{"op":"replace","path":"/text","value":"a"}`) {
		t.Error(a.body)
	}
	for body, at := range map[string]string{
		`{}`: "type", `{"type":"note","events":[{}]}`: "events[0].type", `{"type":"note","given":[1]}`: "given[0]",
		`{"type":"note","events":[{"type":"a","recorded_at":{}}]}`: "events[0].recorded_at",
	} {
		if got := k.refused(k.post("/_/test", body), http.StatusUnprocessableEntity, "INVALID_REQUEST"); got != at {
			t.Errorf("%s: path %q, want %q", body, got, at)
		}
	}
	if k.store.Head() != 0 {
		t.Error("something was stored")
	}
}
