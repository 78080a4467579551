package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/storagetest"
)

const countingSpec = `{"aggregate_types":{"cart":{"events":{"was_counted":{"handler":{"increment":{"target":"n"}}}}}}}`

// counting is a server with a specification.
func counting(t *testing.T, store storage.Store, change func(*Config)) *serving {
	t.Helper()
	s := serve(t, store, change)
	if code, text := s.web(http.MethodPost, "/_/spec", countingSpec, "Content-Type", "application/json"); code != http.StatusOK {
		t.Fatal(text)
	}
	return s
}

// I11
func TestADrainAnswersWhatIsInFlightOverHTTP(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store, err := embedded.Open(dir, embedded.Options{DiskFloorBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	s := counting(t, store, nil)
	follow := stream(t, "http://"+s.HTTPAddr().String()+"/_/stream")
	var mu sync.Mutex
	acknowledged := map[uint64]bool{} // guarded by mu
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				code, text := s.web(http.MethodPost, "/cart/1/was_counted", `{}`, "Content-Type", "application/json")
				if code != http.StatusCreated {
					if code != 0 && code != http.StatusServiceUnavailable {
						t.Errorf("%d %s", code, text)
					}
					return
				}
				var a struct{ Position uint64 }
				if err := json.Unmarshal([]byte(text), &a); err != nil {
					t.Error(err)
				}
				mu.Lock()
				acknowledged[a.Position] = true
				mu.Unlock()
			}
		})
	}
	for range 20 {
		if !strings.Contains(follow(), "data: ") {
			t.Fatal("the stream ended early")
		}
	}
	if err := s.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	writers.Wait()
	for follow() != "" { // it ends
	}
	seen := 0
	for r, err := range store.ReadAll(t.Context(), storage.AllRange{}) {
		if err != nil {
			t.Fatal(err)
		}
		if acknowledged[uint64(r.Position)] {
			seen++
		}
	}
	if seen != len(acknowledged) || seen < 15 {
		t.Errorf("%d of %d acknowledged events are there", seen, len(acknowledged))
	}
}

// stream gives the parts of a stream one after another, empty at its end.
func stream(t *testing.T, url string) func() string {
	t.Helper()
	req, err := http.NewRequestWithContext(waiting(t), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := opsClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		var part []string
		for lines.Scan() {
			if lines.Text() == "" {
				return strings.Join(part, "\n")
			}
			part = append(part, lines.Text())
		}
		return ""
	}
	if first := next(); first != "retry: 2000" {
		t.Fatalf("begins with %q", first)
	}
	return next
}

func TestWhatOutlastsTheDrainIsCutOverHTTP(t *testing.T) {
	s := counting(t, nil, func(c *Config) { c.DrainTimeout = 20 * time.Millisecond })
	answered := make(chan int, 1)
	s.web(http.MethodPost, "/cart/1/was_counted", `{}`, "Content-Type", "application/json")
	go func() {
		code, _ := s.web(http.MethodGet, "/cart/1?min_position=99&wait=30", "")
		answered <- code
	}()
	s.until("in flight", func() bool { return s.api.Stats().InFlight == 1 })
	if err := s.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if code := <-answered; code == http.StatusOK {
		t.Errorf("answered %d", code)
	}
	if !strings.Contains(s.log.String(), "requests of the HTTP listener were cut") {
		t.Errorf("the log does not say so:\n%s", s.log)
	}
}

func TestAFailedHTTPListenerEndsTheServer(t *testing.T) {
	store := storagetest.NewModel()
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(store, Config{Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", OpsListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.httpListener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP listener") {
		t.Errorf("Run: %v, want the failure of the HTTP listener", err)
	}
}

func TestTLSServesHTTPInBothVersions(t *testing.T) {
	a := newAuthority(t)
	s := serve(t, nil, func(c *Config) { c.TLS = secured(t, a, "one") })
	for _, version := range []int{1, 2} {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: a.pool(), MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: version == 2, DisableKeepAlives: true,
		}}
		res, err := client.Get("https://" + s.HTTPAddr().String() + "/_/spec")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if res.Body.Close(); err != nil || res.ProtoMajor != version || res.StatusCode != http.StatusNotFound {
			t.Errorf("HTTP/%d: %v, %d %s", res.ProtoMajor, err, res.StatusCode, text)
		}
		client.CloseIdleConnections()
	}
	if code, text := s.web(http.MethodGet, "/_/spec", ""); code != http.StatusBadRequest {
		t.Errorf("without TLS: %d %s", code, text)
	}
}

func TestRequestsOverHTTPHaveNamesAndAreCounted(t *testing.T) {
	s := serve(t, nil, nil)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+s.HTTPAddr().String()+"/cart/1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"mine": "mine", "": "-"} {
		req.Header.Set("X-Request-Id", given)
		res, err := opsClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); !strings.Contains(res.Header.Get("X-Request-Id"), want) {
			t.Errorf("%q: named %q", given, res.Header.Get("X-Request-Id"))
		}
	}
	if _, text := s.ops(http.MethodGet, "/metrics", ""); !strings.Contains(text, fmt.Sprintf(`stet_http_request_seconds_count{code="404",method="GET",route="/{type}/{id}"} %d`, 2)) {
		t.Error("not counted")
	}
}

// A stream keeps its connection for as long as it lasts. As many as may be open
// leave room for requests.
func TestStreamsLeaveRoomForRequests(t *testing.T) {
	s := counting(t, nil, func(c *Config) { c.Connections = 1 })
	for range 5 {
		stream(t, "http://"+s.HTTPAddr().String()+"/_/stream")
	}
	if code, text := s.web(http.MethodPost, "/cart/1/was_counted", `{}`, "Content-Type", "application/json"); code != http.StatusCreated {
		t.Errorf("beside streams: %d %s", code, text)
	}
}
