package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/server/httpapi"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// handClock goes a second ahead with every append.
type handClock struct{ now atomic.Int64 }

const second = int64(1_000_000)

func (c *handClock) Stamp() (storage.Instant, error) {
	return storage.Instant(c.now.Add(second)), nil
}

// kit is the API on a store on disk, served over loopback.
type kit struct {
	testing.TB
	api    *httpapi.API
	store  *embedded.Store
	server *httptest.Server
	clock  *handClock
	log    *logBook
	key    string // sent with every request, unless it is empty
	client *http.Client
}

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newKit serves the store in dir; a new one when dir is empty. change may be nil.
func newKit(tb testing.TB, dir string, change func(*httpapi.Options)) *kit {
	tb.Helper()
	if dir == "" {
		dir = filepath.Join(tb.TempDir(), "store")
	}
	store, err := embedded.Open(dir, embedded.Options{DiskFloorBytes: -1})
	if err != nil {
		tb.Fatal(err)
	}
	k := &kit{TB: tb, store: store, clock: &handClock{}, log: &logBook{}}
	k.clock.now.Store(1_705_900_000 * second)
	aggregates, err := aggregate.Open(tb.Context(), store, aggregate.Options{Clock: k.clock, Snapshots: store})
	if err != nil {
		tb.Fatal(err)
	}
	o := httpapi.Options{Aggregates: aggregates, Store: store, Logger: slog.New(slog.NewTextHandler(k.log, nil))}
	if change != nil {
		change(&o)
	}
	k.api = httpapi.New(o)
	k.server = httptest.NewServer(k.api)
	k.client = &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := lifecycle.Async(func() error { return aggregates.Run(ctx) })
	tb.Cleanup(func() {
		idle := k.api.Drain()
		k.server.CloseClientConnections()
		k.server.Close()
		<-idle
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("run: %v", err)
		}
		if err := store.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return k
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with headers, each a name and a value.
func (k *kit) ask(method, path, body string, header ...string) answer {
	k.Helper()
	req, err := http.NewRequestWithContext(k.Context(), method, k.server.URL+path, strings.NewReader(body))
	if err != nil {
		k.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if k.key != "" {
		req.Header.Set("Authorization", "Bearer "+k.key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	res, err := k.client.Do(req)
	if err != nil {
		k.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		k.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(all)}
}

func (k *kit) get(path string) answer { k.Helper(); return k.ask(http.MethodGet, path, "") }

func (k *kit) post(path, body string, header ...string) answer {
	k.Helper()
	return k.ask(http.MethodPost, path, body, header...)
}

// want checks an answer, white space aside.
func (k *kit) want(a answer, status int, body string) {
	k.Helper()
	if a.status != status || compact(k, a.body) != compact(k, body) {
		k.Errorf("%d %s\nwant %d %s", a.status, a.body, status, body)
	}
}

// refused checks that an answer is a refusal with this status and code, as all
// are, and gives its path.
func (k *kit) refused(a answer, status int, code string) (path string) {
	k.Helper()
	var body struct {
		OK                *bool
		Error, Code, Path string
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.OK == nil || *body.OK || body.Error == "" {
		k.Errorf("no refusal: %d %s", a.status, a.body)
	}
	if a.status != status || body.Code != code {
		k.Errorf("%d %s\nwant %d %s", a.status, a.body, status, code)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		k.Errorf("content type %q", got)
	}
	return body.Path
}

// put makes the specification the one in force.
func (k *kit) put(specification string) {
	k.Helper()
	if a := k.post("/_/spec", specification); a.status != http.StatusOK {
		k.Fatalf("put: %d %s\n%s", a.status, a.body, k.log)
	}
}

func compact(tb testing.TB, text string) string {
	tb.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		tb.Fatalf("no JSON: %v\n%s", err, text)
	}
	return out.String()
}

func file(tb testing.TB, path ...string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// example is one of the specifications of package spec.
func example(tb testing.TB, name string) string {
	tb.Helper()
	return file(tb, "..", "..", "replay", "spec", "testdata", name+".json")
}

// until asks again and again until the condition holds.
func until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	look, end := time.NewTicker(time.Millisecond), time.After(patience)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-end:
			tb.Fatalf("still not %s", what)
		}
	}
}
