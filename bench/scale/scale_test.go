package scale

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// program is the server, built once for all tests.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "scale-test-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system's own directory for such
		program = filepath.Join(dir, "stet")
		build := exec.Command("go", "build", "-o", program, "./cmd/stet")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
		code := m.Run()
		if err := goleak.Find(); code == 0 && err != nil {
			panic(err)
		}
		return code
	}())
}

// quiet takes what a run says.
func quiet(t *testing.T) *os.File {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "notices"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	return out
}

func TestASmallRunMeasuresEverythingAtEachSize(t *testing.T) {
	var r Report
	out := ""
	// For longer where a busy machine let a load do nothing.
	for duration := 200 * time.Millisecond; ; duration *= 4 {
		out = t.TempDir()
		if r = small(t, out, duration); len(unmeasured(&r)) == 0 || duration > 10*time.Second {
			break
		}
	}
	if names := unmeasured(&r); len(r.Sizes) != 2 || len(names) != 0 {
		t.Fatalf("%d sizes, want 2; not measured: %v", len(r.Sizes), names)
	}
	for i := range r.Sizes {
		complete(t, &r.Sizes[i], quickSizes[i], r.Streams)
	}
	for _, name := range []string{"SCALE.md", "plots/scale-rates.svg", "plots/scale-latencies.svg", "plots/scale-memory.svg", "plots/scale-open.svg", "plots/scale-disk.svg"} {
		if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || len(text) < 300 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
}

// small is a run with loads of that length.
func small(t *testing.T, out string, duration time.Duration) (r Report) {
	t.Helper()
	data := t.TempDir()
	if err := Run(t.Context(), []string{"-quick", "-duration", duration.String(), "-stet", program, "-dir", data, "-out", out}, quiet(t)); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 0 {
		t.Errorf("the data directory has %v left, %v", left, err)
	}
	text, err := os.ReadFile(filepath.Join(out, "scale.json"))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// unmeasured are the loads without figures.
func unmeasured(r *Report) (out []string) {
	for i := range r.Sizes {
		f := &r.Sizes[i]
		names := []string{loadAppend, loadDecoded, loadRaw, loadHot, loadCold}
		if f.StreamLength > 1 {
			names = append(names, loadWhole)
		}
		for _, name := range names {
			if s := f.summary(name); s.EventsPerSecond.Median <= 0 || s.P99Micros.Median <= 0 {
				out = append(out, fmt.Sprintf("%s at %d: %+v", name, f.Events, s))
			}
		}
	}
	return out
}

// complete finds what was not measured.
func complete(t *testing.T, f *Figures, events, streams int) {
	t.Helper()
	if f.Events < uint64(events) || f.StreamLength != events/streams || f.EventsOnDisk < f.Events {
		t.Errorf("%d events, %d on disk, streams of %d; want %d at least", f.Events, f.EventsOnDisk, f.StreamLength, events)
	}
	if len(f.Opens) != 2 || len(f.Kills) != 1 || len(f.StopSeconds) != 4 {
		t.Errorf("%d openings, %d after kills, %d stops; want 2, 1 and 4", len(f.Opens), len(f.Kills), len(f.StopSeconds))
	}
	for _, o := range append(f.Opens, f.Kills...) {
		if o.ReadySeconds <= 0 || o.AnswerSeconds < o.ReadySeconds || o.ReadBytes <= 0 || o.MemoryBytes <= 0 {
			t.Errorf("an opening is not whole: %+v", o)
		}
	}
	if f.Kills[0].LogBytes == 0 {
		t.Error("the killed server left no write-ahead log, so nothing was recovered")
	}
	if f.Fill.Seconds <= 0 || f.Memory.AfterFill <= 0 || f.Memory.Peak < f.Memory.AfterLoad || f.DiskBytes <= 0 || f.Tables == 0 {
		t.Errorf("figures are missing: %+v", f)
	}
}

func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	notices, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan error, 1)
	go func() {
		err := Run(ctx, []string{"-quick", "-stet", program, "-dir", data, "-out", out}, say)
		_ = say.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(notices)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "append") {
			interrupt()
		}
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("ended with %v", err)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 0 {
		t.Errorf("%v are left, %v", left, err)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("results of an interrupted run: %v", err)
	}
	_ = notices.Close()
}

func TestADiskThatIsTooSmallIsToldBeforehand(t *testing.T) {
	err := Run(t.Context(), []string{"-stet", "none", "-sizes", "2000M", "-dir", t.TempDir()}, quiet(t))
	if err == nil || !strings.Contains(err.Error(), "GiB free") || !strings.Contains(err.Error(), "-sizes") {
		t.Errorf("got %v", err)
	}
}

func TestFlagsAreJudgedWithTheirBounds(t *testing.T) {
	for args, want := range map[string]string{
		"-sizes 1M,1M":                "not above the size before it",
		"-sizes 3x":                   "no number of events",
		"-sizes 1.0000001k":           "no number of events",
		"-sizes 0":                    "no number of events",
		"-sizes 2001M":                "no number of events",
		"-sizes 1M,1500k":             "no multiple of the 1000000 streams",
		"-opens 1":                    "-opens is 1; want 2 to 100",
		"-streams 0":                  "-streams is 0",
		"-duration 0s -connections 0": "-connections is 0; want 1 to 1000\n-duration is 0s",
		"now":                         `"now" is no flag`,
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", args, err, want)
		}
	}
	s, err := parse([]string{"-sizes", "500k,1.5M, 3M"}, io.Discard)
	if err != nil || s.sizes.String() != "500k,1.5M,3M" || s.streams != 500_000 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestWhatGrewIsTold(t *testing.T) {
	at := func(seconds float64, memory int64) Figures {
		open := Opening{ReadySeconds: seconds, AnswerSeconds: 1}
		return Figures{Events: 1000, Opens: []Opening{open, open}, Memory: Memory{AfterFill: memory << 20}}
	}
	r := Report{Sizes: []Figures{at(0.1, 100), at(0.2, 110)}}
	page := r.page()
	for _, want := range []string{
		"| open after load and a stop, ready, s | 0.100 | 0.200 | 2.00 |",
		"- open after load and a stop, ready, s: 0.100 to 0.200, x 2.00: **grew**",
		"- memory after filling, MiB: 100 to 110, x 1.10: flat",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no line %q", want)
		}
	}
}
