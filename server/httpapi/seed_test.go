package httpapi_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/record"
)

const seedCart = "/cart/550e8400-e29b-41d4-a716-446655440000"

// seedCall is one of the seed's curl commands, taken apart.
type seedCall struct{ method, path, key, contentType, body, answer string }

var (
	curlURL    = regexp.MustCompile(`https://myapp\.j17\.dev(\S*)`)
	curlHeader = regexp.MustCompile(`-H "([^:]+): ([^"]*)"`)
	curlBody   = regexp.MustCompile(`(?s)-d '(.*?)'\n`)
)

// seedCalls reads the commands as the seed has them, and the JSON after the two
// that get something.
func seedCalls(t *testing.T) []seedCall {
	t.Helper()
	var out []seedCall
	parts := strings.Split("\n"+file(t, "testdata", "seed_calls.txt"), "\ncurl ")
	for _, part := range parts[1:] {
		c := seedCall{method: http.MethodGet, path: curlURL.FindStringSubmatch(part)[1]}
		for _, h := range curlHeader.FindAllStringSubmatch(part, -1) {
			switch h[1] {
			case "Authorization":
				c.key = h[2]
			case "Content-Type":
				c.contentType = h[2]
			}
		}
		if strings.HasPrefix(part, "-X POST ") {
			c.method, c.body = http.MethodPost, curlBody.FindStringSubmatch(part)[1]
		} else {
			begin, end := strings.Index(part, "\n{"), strings.LastIndex(part, "\n}")
			c.answer = part[begin : end+2]
		}
		out = append(out, c)
	}
	if len(out) != 5 {
		t.Fatalf("%d calls in the seed", len(out))
	}
	return out
}

// S0.1, S0.3, S0.9, S0.12, S0.14, S0.15
func TestTheSeedsCallsWorkAsTheyStand(t *testing.T) {
	k := newKit(t, "", nil)
	k.put(file(t, "testdata", "seed_spec.json"))
	places := regexp.MustCompile(`"(stream_id|created_at|updated_at|timestamp)":"?[0-9]+(-0")?`)
	for i, c := range seedCalls(t) {
		a := k.ask(c.method, c.path, c.body, "Authorization", c.key, "Content-Type", c.contentType)
		if c.method == http.MethodPost {
			if want := regexp.MustCompile(`^\{"ok":true,"stream_id":"[0-9]{13}-0","length":` + string(rune('1'+i)) + `,"position":[0-9]+\}\n$`); a.status != http.StatusCreated || !want.MatchString(a.body) {
				t.Errorf("call %d: %d %s", i, a.status, a.body)
			}
			continue
		}
		got, want := places.ReplaceAllString(compact(t, a.body), `"$1":0`), places.ReplaceAllString(compact(t, c.answer), `"$1":0`)
		if a.status != http.StatusOK || got != want {
			t.Errorf("call %d: %d\n%s, want\n%s", i, a.status, got, want)
		}
	}
}

// S0.12, S0.13, S0.15: times and stream ids included, byte for byte.
func TestTheSeedsAnswersByteForByte(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	restoreSeed(t, dir)
	k := newKit(t, dir, nil)
	k.put(file(t, "testdata", "seed_spec.json"))
	for _, c := range seedCalls(t) {
		if c.answer == "" {
			continue
		}
		if a := k.get(c.path); a.status != http.StatusOK || a.body != compact(t, c.answer)+"\n" {
			t.Errorf("%s: %d\n%s, want\n%s", c.path, a.status, a.body, c.answer)
		}
	}
	// S0.19, S0.20
	for query, want := range map[string]string{
		"?at_length=2":                    `{"ok":true,"data":{"items":[{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2}],"status":"active"},"metadata":{"length":2,"created_at":1705914000,"updated_at":1705914060}}`,
		"?at_time=1705914060":             `{"ok":true,"data":{"items":[{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2}],"status":"active"},"metadata":{"length":2,"created_at":1705914000,"updated_at":1705914060}}`,
		"?at_time=1705914059":             `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000}}`,
		"?at_time=1705914000000":          `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000}}`,
		"?at_time=2024-01-22T09:00:59Z":   `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000}}`,
		"?at_length=1&detail=full":        `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000,"replayed":1,"snapshot":0,"skipped":0,"warnings":[],"position":1}}`,
		"?at_length=1&replay=full":        `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000}}`,
		"?effective_at=1705914000":        `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000}}`,
		"?at_length=1&min_position=3":     `{"ok":true,"data":{"items":[],"status":"active"},"metadata":{"length":1,"created_at":1705914000,"updated_at":1705914000}}`,
		"/length":                         `{"ok":true,"length":3}`,
		"/diff?from_length=1&to_length=2": `{"ok":true,"from_length":1,"to_length":2,"patch":[{"op":"add","path":"/items/0","value":{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2}}],"events":[{"stream_id":"1705914060000-0","key":"cart:550e8400-e29b-41d4-a716-446655440000","type":"had_item_added","data":{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2},"metadata":{"timestamp":1705914060,"actor":{"type":"user","id":"550e8400-e29b-41d4-a716-446655440001"}}}]}`,
		"/trace?at_length=1":              `{"ok":true,"steps":[{"stream_id":"1705914000000-0","key":"cart:550e8400-e29b-41d4-a716-446655440000","type":"was_created","data":{},"metadata":{"timestamp":1705914000,"actor":{"type":"user","id":"550e8400-e29b-41d4-a716-446655440001"}},"patch":[{"op":"add","path":"/items","value":[]},{"op":"add","path":"/status","value":"active"}]}],"data":{"items":[],"status":"active"}}`,
	} {
		if a := k.get(seedCart + query); a.status != http.StatusOK || a.body != want+"\n" {
			t.Errorf("%s: %d\n%s, want\n%s", query, a.status, a.body, want)
		}
	}
	k.refused(k.get(seedCart+"?at_time=1705913999"), http.StatusNotFound, "BEFORE_FIRST_EVENT")
}

// restoreSeed makes a store with the seed's three events and their times.
func restoreSeed(t *testing.T, dir string) {
	t.Helper()
	r, err := embedded.Restore(dir, embedded.Options{}, storage.HistoryID{1})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range []struct{ typ, data string }{
		{"was_created", `{}`},
		{"had_item_added", `{"sku":"WIDGET-1","name":"Blue Widget","price":29.99,"quantity":2}`},
		{"had_item_added", `{"sku":"GADGET-5","name":"Red Gadget","price":49.99,"quantity":1}`},
	} {
		event, faults := record.NewEventOf(&storage.Event{
			ID: storage.EventID{15: byte(i + 1)}, Type: e.typ, Kind: storage.PayloadJSON, Payload: []byte(e.data),
			Metadata: map[string]string{"actor_type": "user", "actor_id": "550e8400-e29b-41d4-a716-446655440001"},
		}, storage.Limits{}.WithDefaults())
		if faults != nil {
			t.Fatal(faults)
		}
		at := storage.Instant((1_705_914_000 + 60*int64(i)) * second)
		if err := r.Add(seedCart[1:5]+"-"+seedCart[6:], storage.Version(i+1), storage.Position(i+1), at, event); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
}
