package importing_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/storage"
)

var packers = map[string]func(*testing.T, []byte) []byte{
	"plain": func(_ *testing.T, b []byte) []byte { return b },
	"gzip": func(t *testing.T, b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	},
	"zstd": func(t *testing.T, b []byte) []byte {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		return w.EncodeAll(b, nil)
	},
}

// ledger is a store in memory that knows request ids until they are
// forgotten, as a server does. The real one is behind the command's tests.
type ledger struct {
	log      []storage.Event
	requests map[string]string
	// dieAfter ends the process, so to say, after that many chunks; 0: never.
	dieAfter int
	calls    int
}

var errDied = errors.New("died")

func (l *ledger) Append(_ context.Context, c *importing.Chunk) (bool, error) {
	content := fmt.Sprintf("%+v", c.Entries)
	if before, used := l.requests[c.RequestID]; used {
		if before != content {
			return false, importing.ErrReused
		}
		return true, nil
	}
	if l.requests == nil {
		l.requests = map[string]string{}
	}
	l.requests[c.RequestID] = content
	for _, entry := range c.Entries {
		l.log = append(l.log, entry.Events...)
	}
	l.calls++
	if l.dieAfter > 0 && l.calls >= l.dieAfter {
		return false, errDied // stored, and the answer was lost
	}
	return false, nil
}

func (l *ledger) Find(_ context.Context, stream string, id storage.EventID) (storage.Event, bool, error) {
	for _, e := range l.log {
		if e.Stream == stream && e.ID == id {
			return e, true, nil
		}
	}
	return storage.Event{}, false, nil
}

func (l *ledger) payloads() []string {
	out := make([]string, len(l.log))
	for i, e := range l.log {
		out[i] = string(e.Payload)
	}
	return out
}

// attempt runs one import of the text.
type attempt struct {
	text     string
	store    *ledger
	sideFile string
	mapping  string
	regroup  bool
	bad      func(importing.Record) error
	now      time.Time
	history  storage.HistoryID
}

func (a attempt) run(t *testing.T) (importing.Summary, error) {
	t.Helper()
	if a.now.IsZero() {
		a.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	job := importing.Job{
		Name: "events.ndjson", Mapping: "m" + a.mapping, Reader: importing.NewLineReader(strings.NewReader(a.text)),
		Regroup: a.regroup, SideFile: a.sideFile, Bad: a.bad, Limits: storage.Limits{}.WithDefaults(),
		History: a.history, Window: 7 * 24 * time.Hour, Store: a.store,
		Taken: func() int64 { return 0 }, Now: func() time.Time { return a.now },
	}
	return job.Run(t.Context())
}

func event(stream string, n int) string {
	return fmt.Sprintf(`{"stream":%q,"type":"T%d","json":%d}`+"\n", stream, n%2, n)
}

// events are n lines over streams that come and go.
func events(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(event(fmt.Sprintf("s-%d", i/100%5), i))
	}
	return b.String()
}

func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

func TestFileOrderIsLogOrder(t *testing.T) {
	store := &ledger{}
	sum, err := attempt{text: events(0, 2500), store: store}.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(numbers(2500), store.payloads()); diff != "" {
		t.Error(diff)
	}
	want := importing.Summary{Added: 2500, Chunks: sum.Chunks, Line: 2500, Types: map[string]int64{"T0": 1250, "T1": 1250}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
}

func TestRegroupingKeepsTheOrderOfEachStream(t *testing.T) {
	store := &ledger{}
	var text strings.Builder
	for i := range 3000 { // the streams take turns
		text.WriteString(event(fmt.Sprintf("s-%d", i%3), i))
	}
	sum, err := attempt{text: text.String(), store: store, regroup: true}.run(t)
	if err != nil || sum.Chunks > 4 {
		t.Fatalf("%+v, %v", sum, err)
	}
	last := map[string]int{"s-0": -1, "s-1": -1, "s-2": -1}
	for _, e := range store.log {
		var n int
		if _, err := fmt.Sscan(string(e.Payload), &n); err != nil || n <= last[e.Stream] {
			t.Fatalf("%s has %d after %d (%v)", e.Stream, n, last[e.Stream], err)
		}
		last[e.Stream] = n
	}
}

func TestASecondRunAddsNothing(t *testing.T) {
	for name, sideFile := range map[string]string{"with the side file": "p", "without it": ""} {
		t.Run(name, func(t *testing.T) {
			store := &ledger{}
			if sideFile != "" {
				sideFile = filepath.Join(t.TempDir(), sideFile)
			}
			a := attempt{text: events(0, 3000), store: store, sideFile: sideFile}
			if _, err := a.run(t); err != nil {
				t.Fatal(err)
			}
			sum, err := a.run(t)
			if err != nil || sum.Added != 0 || sum.Known != 3000 || len(store.log) != 3000 {
				t.Errorf("%+v, %d events, %v", sum, len(store.log), err)
			}
		})
	}
}

// Death at every chunk, by a lost answer, then a run to the end: also years
// later, when the server has forgotten the request ids.
func TestAKilledImportGoesOnWhereItWas(t *testing.T) {
	for _, late := range []bool{false, true} {
		for die := 1; ; die++ {
			store := &ledger{dieAfter: die}
			a := attempt{text: events(0, 4000), store: store, sideFile: filepath.Join(t.TempDir(), "p")}
			_, err := a.run(t)
			if err == nil {
				if die < 4 {
					t.Fatalf("only %d chunks", die)
				}
				break
			}
			if !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			store.dieAfter = 0
			if late {
				store.requests = nil
				a.now = time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
			}
			sum, err := a.run(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(numbers(4000), store.payloads()); diff != "" || sum.Added+sum.Known != 4000 || sum.Known == 0 {
				t.Fatalf("late %v, death after chunk %d: %+v %s", late, die, sum, diff)
			}
		}
	}
}

func TestOtherContentUnderTheSameNameNamesTheLine(t *testing.T) {
	lines := strings.SplitAfter(events(0, 3000), "\n")
	change := func(f func(lines []string) []string) string {
		return strings.Join(f(append([]string(nil), lines...)), "")
	}
	for name, c := range map[string]struct {
		text   string
		line   int64
		noFile bool // is seen without the side file too
	}{
		"a changed line":          {change(func(l []string) []string { l[1233] = event("s-1", 99); return l }), 1234, true},
		"another stream":          {change(func(l []string) []string { l[7] = event("x", 7); return l }), 8, true},
		"a line more in between":  {change(func(l []string) []string { l[2] = l[2] + event("s-9", 1); return l }), 4, true},
		"a line less":             {change(func(l []string) []string { l[2998] = ""; return l }), 2999, true},
		"a line more at the end":  {change(func(l []string) []string { return append(l, event("s-9", 1)) }), 3001, true},
		"only the first thousand": {strings.Join(lines[:1000], ""), 1000, false},
	} {
		for _, sideFile := range []bool{true, false} {
			if !sideFile && !c.noFile {
				continue
			}
			t.Run(fmt.Sprintf("%s, side file %v", name, sideFile), func(t *testing.T) {
				store := &ledger{}
				a := attempt{text: strings.Join(lines, ""), store: store}
				if sideFile {
					a.sideFile = filepath.Join(t.TempDir(), "p")
				}
				if _, err := a.run(t); err != nil {
					t.Fatal(err)
				}
				a.text = c.text
				_, err := a.run(t)
				var fault *importing.LineError
				if !errors.As(err, &fault) || c.line > 0 && (fault.Line != c.line || fault.Last != c.line) {
					t.Errorf("got %v; want line %d", err, c.line)
				}
				if len(store.log) != 3000 {
					t.Errorf("%d events", len(store.log))
				}
			})
		}
	}
}

func TestASideFileOfAnotherImportIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	a := attempt{text: events(0, 10), store: &ledger{}, sideFile: path}
	if _, err := a.run(t); err != nil {
		t.Fatal(err)
	}
	other := a
	other.mapping = "other"
	if _, err := other.run(t); err == nil || !strings.Contains(err.Error(), "another mapping") {
		t.Errorf("got %v", err)
	}
	other = a
	other.history = storage.HistoryID{9}
	if _, err := other.run(t); err == nil || !strings.Contains(err.Error(), "history") {
		t.Errorf("got %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string]string{
		"cut": string(text[:len(text)/2]), "empty": "", "newer": strings.Replace(string(text), `"stet_import": 1`, `"stet_import": 2`, 1),
		"unfitting": strings.Replace(string(text), `"chunk": `, `"chunk": 1`, 1),
	} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := a.run(t); err == nil || !strings.Contains(err.Error(), "cannot be used") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAMalformedLineStopsTheImportAndAMendedOneGoesOn(t *testing.T) {
	store := &ledger{}
	a := attempt{text: events(0, 1500) + "{bad\n" + events(1501, 1600), store: store, sideFile: filepath.Join(t.TempDir(), "p")}
	_, err := a.run(t)
	var fault *importing.LineError
	if !errors.As(err, &fault) || fault.Line != 1501 {
		t.Fatalf("got %v", err)
	}
	a.text = events(0, 1600)
	if sum, err := a.run(t); err != nil || sum.Added+sum.Known != 1600 {
		t.Errorf("%+v, %v", sum, err)
	}
	if diff := cmp.Diff(numbers(1600), store.payloads()); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedLinesCanBeLeftOut(t *testing.T) {
	var bad []int64
	store := &ledger{}
	a := attempt{
		text: "\n" + events(0, 2) + "{bad\n" + `{"stream":"$x","type":"T"}` + "\n" + `{"stream":"s","type":"T","tags":["a","a"]}` + "\n" + events(2, 4),
		bad:  func(r importing.Record) error { bad = append(bad, r.Line); return nil }, store: store,
	}
	sum, err := a.run(t)
	if err != nil || sum.Bad != 3 || sum.Added != 4 {
		t.Errorf("%+v, %v", sum, err)
	}
	if diff := cmp.Diff([]int64{4, 5, 6}, bad); diff != "" {
		t.Error(diff)
	}
}

func TestACancelledImportEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	job := importing.Job{
		Name: "n", Reader: importing.NewLineReader(repeat('\n')), Limits: storage.Limits{}.WithDefaults(),
		Store: &ledger{}, Taken: func() int64 { return 0 }, Now: time.Now,
	}
	job.Reader = endless{}
	if _, err := job.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// endless yields the same event for ever.
type endless struct{}

func (endless) Next() (importing.Record, error) {
	return importing.Record{Line: 1, Last: 1, Event: storage.Event{Stream: "s", Type: "T", Kind: storage.PayloadJSON, Payload: []byte("{}")}}, nil
}

// The golden is a lock: another identity would import every source again.
func TestTheIdentityOfAnImportNeverChanges(t *testing.T) {
	digest, err := importing.MappingDigest("csv", shop(), false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "713b0e966de8f089ecc9b92535436446306c361793ff9e4feeba7d36eead89c6"; digest != want {
		t.Errorf("mapping %s; want %s", digest, want)
	}
	store := &ledger{}
	if _, err := (attempt{text: event("s-1", 1), store: store, mapping: digest}).run(t); err != nil {
		t.Fatal(err)
	}
	if got, want := store.log[0].ID.String(), "021d328e-b8f5-8658-8c09-1609e2b65cbe"; got != want {
		t.Errorf("event id %s; want %s", got, want)
	}
	for id := range store.requests {
		if want := "import-1cd0e59760b73743ba9054b5cf1cb046-1"; id != want {
			t.Errorf("request id %s; want %s", id, want)
		}
	}
}
