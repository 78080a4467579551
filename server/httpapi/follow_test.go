package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/server/httpapi"
)

// stream reads server-sent events.
type stream struct {
	testing.TB
	res   *http.Response
	lines *bufio.Scanner
	stop  context.CancelFunc
}

func (k *kit) stream(path string, header ...string) *stream {
	k.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	k.Cleanup(stop)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.server.URL+path, http.NoBody)
	if err != nil {
		k.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := k.client.Do(req)
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(res.Body)
		k.Fatalf("%d %v %s", res.StatusCode, res.Header, text)
	}
	s := &stream{k.TB, res, bufio.NewScanner(res.Body), stop}
	s.lines.Buffer(nil, 4<<20)
	if got := s.next(); got != "retry: 2000" {
		k.Fatalf("begins with %q", got)
	}
	return s
}

// next is the next part between empty lines; empty at the end.
func (s *stream) next() string {
	s.Helper()
	var lines []string
	for s.lines.Scan() {
		if s.lines.Text() == "" {
			return strings.Join(lines, "\n")
		}
		lines = append(lines, s.lines.Text())
	}
	return ""
}

// S4.10, S1.6, S2.10
func TestAStreamGivesWhatWasAndWhatComesAndResumes(t *testing.T) {
	k := notes(t, nil)
	post := func(id string) {
		t.Helper()
		if a := k.post("/note/"+id+"/was_written", `{"data":{"text":
			"x"},`+byAnna+`}`); a.status != http.StatusCreated {
			t.Fatal(a.body)
		}
	}
	event := func(version, seconds int) string {
		return fmt.Sprintf(`id: %d
data: {"stream_id":"%d000-0","key":"note:1","type":"was_written","data":{"text":"x"},"metadata":{"timestamp":%[2]d,"actor":{"type":"user","id":"anna"}}}`, version, seconds)
	}
	post("1")
	s := k.stream("/note/1/stream")
	if got := s.next(); got != event(1, 1705900002) {
		t.Errorf("got %s", got)
	}
	post("2") // of another aggregate
	post("1")
	if got := s.next(); got != event(2, 1705900004) {
		t.Errorf("got %s", got)
	}
	s.stop()
	post("1")
	for _, resumed := range []*stream{k.stream("/note/1/stream?after=2"), k.stream("/note/1/stream?after=1", "Last-Event-ID", "2")} {
		if got := resumed.next(); got != event(3, 1705900005) {
			t.Errorf("got %s", got)
		}
	}
	now := k.stream("/note/1/stream?after=now&detail=full")
	post("1")
	if got := now.next(); !strings.HasPrefix(got, "id: 4\n") || !strings.Contains(got, `"version":4,"position":6`) {
		t.Errorf("got %s", got)
	}
	k.refused(k.ask(http.MethodGet, "/note/1/stream", "", "Last-Event-ID", "99"), http.StatusBadRequest, "BEYOND_END")
	k.refused(k.ask(http.MethodGet, "/note/1/stream", "", "Last-Event-ID", "now"), http.StatusBadRequest, "INVALID_REQUEST")
}

func TestAStreamOfAllIsByPositionAndFilters(t *testing.T) {
	k := notes(t, func(o *httpapi.Options) { o.Heartbeat = time.Millisecond })
	k.post("/note/1/was_counted", `{`+byAnna+`}`)                                                                      // 2
	k.post("/note/1/was_shared", `{"data":{"list":"l"},`+byAnna+`}`)                                                   // 3, 4
	k.post("/note/2/was_counted", `{"metadata":{"actor":{"type":"user","id":"b"},"tags":["t"],"correlation_id":"r"}}`) // 5
	for query, want := range map[string]string{
		"":                                   "2 3 4 5",
		"?after=3":                           "4 5",
		"?type=list":                         "4",
		"?type=list&type=note&after=2":       "3 4 5",
		"?event=was_counted":                 "2 5",
		"?event=was_counted&tag=t":           "5",
		"?type=thing":                        "",
		"?correlation_id=r&correlation_id=s": "5",
		"?correlation_id=r&event=was_shared": "",
	} {
		s := k.stream("/_/stream" + query)
		var ids []string
		for {
			part := s.next()
			if id, found := strings.CutPrefix(part, ": alive\nid: "); found {
				// The sign of life says how far was looked, also past what did not pass.
				if id == "5" {
					break
				}
				continue
			}
			id, _, _ := strings.Cut(strings.TrimPrefix(part, "id: "), "\n")
			ids = append(ids, id)
		}
		s.stop()
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
}

func TestStreamsAreBoundedInNumber(t *testing.T) {
	k := notes(t, func(o *httpapi.Options) { o.Streams = 2 })
	first, _ := k.stream("/_/stream"), k.stream("/note/1/stream")
	a := k.get("/_/stream")
	k.refused(a, http.StatusTooManyRequests, "TOO_MANY_STREAMS")
	if a.header.Get("Retry-After") == "" {
		t.Error("no word of when to come again")
	}
	first.stop()
	until(t, "free", func() bool { return k.api.Stats().Streams == 1 })
	k.stream("/_/stream")
	if s := k.api.Stats(); s.Streams != 2 || s.StreamLimit != 2 || s.StreamsRefused != 1 {
		t.Errorf("%+v", s)
	}
}

// I10
func TestAClientThatDoesNotReadIsCutAndDelaysNobody(t *testing.T) {
	k := notes(t, func(o *httpapi.Options) { o.WriteTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", k.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /note/1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	until(t, "streaming", func() bool { return k.api.Stats().Streams == 1 })
	big := `{"data":{"text":"` + strings.Repeat("x", 900_000) + `"},` + byAnna + `}`
	for i := 0; k.api.Stats().Streams == 1; i++ {
		if i == 100 {
			t.Fatal("90 MB did not fit anywhere, and still it streams")
		}
		if a := k.post("/note/1/was_written", big); a.status != http.StatusCreated {
			t.Fatal(a.body)
		}
	}
	if strings.Contains(k.log.String(), "level=ERROR") {
		t.Error(k.log)
	}
}

// I11
func TestADrainEndsStreamsAndRefusesWhatComes(t *testing.T) {
	k := notes(t, nil)
	s := k.stream("/note/1/stream")
	k.post("/note/1/was_counted", `{`+byAnna+`}`)
	if got := s.next(); !strings.HasPrefix(got, "id: 1\n") {
		t.Fatal(got)
	}
	idle := k.api.Drain()
	if got := s.next(); got != "" {
		t.Errorf("after the drain: %q", got)
	}
	select {
	case <-idle:
	case <-time.After(patience):
		t.Fatal("still in flight")
	}
	a := k.post("/note/1/was_counted", `{`+byAnna+`}`)
	k.refused(a, http.StatusServiceUnavailable, "SHUTTING_DOWN")
	if a.header.Get("Retry-After") == "" {
		t.Error("no word of when to come again")
	}
}
