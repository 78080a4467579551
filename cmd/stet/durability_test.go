package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/storage/embedded"
)

// place is where an acknowledged event must be.
type place struct {
	stream            string
	version, position uint64
}

// ledger is what was acknowledged, by the event's payload. It is kept outside
// the server's process, so nothing that happens to that one changes it.
type ledger struct {
	mu    sync.Mutex
	more  *sync.Cond // on mu: acked has grown
	acked map[string]place
}

func newLedger() *ledger {
	l := &ledger{acked: make(map[string]place)}
	l.more = sync.NewCond(&l.mu)
	return l
}

func (l *ledger) add(payload string, p place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[payload] = p
	l.more.Broadcast()
}

// await returns when so many more are acknowledged. The test's own time limit
// ends it if they never are.
func (l *ledger) await(more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for target := len(l.acked) + more; len(l.acked) < target; {
		l.more.Wait()
	}
}

// load appends through pipelines until ctx ends or the server is gone, and
// keeps the ledger. An append without an answer may or may not be there.
func (l *ledger) load(ctx context.Context, addr string, run int) error {
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		return err
	}
	var pipes sync.WaitGroup
	for w := range 4 {
		pipes.Go(func() {
			p, err := api.Pipeline(ctx, client.PipelineOptions{})
			if err != nil {
				return
			}
			var waiting sync.WaitGroup
			for i := 0; ; i++ {
				stream := fmt.Sprintf("load-%d", (w+i)%7)
				payload := fmt.Sprintf(`"%d/%d/%d"`, run, w, i)
				r, err := p.Append(ctx, client.Append{
					Stream: stream, Expect: client.AnyVersion(), Events: []client.Event{{Type: "Loaded", JSON: payload}},
				})
				if err != nil {
					break
				}
				waiting.Go(func() {
					if at, err := r.Wait(context.Background()); err == nil {
						l.add(payload, place{stream, at.FirstVersion, at.FirstPosition})
					}
				})
			}
			_ = p.Close() // it breaks on purpose
			waiting.Wait()
		})
	}
	pipes.Wait()
	return api.Close()
}

// check reads the log and compares it with the ledger: everything acknowledged
// is there at its place, and nothing is there twice (I1, I2).
func (l *ledger) check(t *testing.T, addr string) {
	t.Helper()
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]place)
	versions := make(map[string]uint64)
	last := uint64(0)
	for e, err := range api.ReadAll(context.Background(), client.LogRead{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[e.GetJson()]; twice {
			t.Errorf("%s is there twice", e.GetJson())
		}
		if e.GetPosition() != last+1 || e.GetVersion() != versions[e.GetStream()]+1 {
			t.Errorf("position %d, version %d of %s follow %d and %d", e.GetPosition(), e.GetVersion(), e.GetStream(), last, versions[e.GetStream()])
		}
		last, versions[e.GetStream()] = e.GetPosition(), e.GetVersion()
		found[e.GetJson()] = place{e.GetStream(), e.GetVersion(), e.GetPosition()}
	}
	lost := 0
	for payload, want := range l.acked {
		if found[payload] != want {
			lost++
			t.Errorf("%s was acknowledged at %+v and is at %+v", payload, want, found[payload])
		}
	}
	t.Logf("%d events, %d acknowledged, %d lost", len(found), len(l.acked), lost)
	if err := api.Close(); err != nil {
		t.Error(err)
	}
}

// cycles is how often a test kills; more where asked.
func cycles(t *testing.T, standard int) int {
	t.Helper()
	text := os.Getenv("STET_KILLS")
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("STET_KILLS is %q: want a number", text)
	}
	return n
}

// S5 of the issue; S3.17. I1 with the real server and the real disk: it is
// killed under pipelined load, again and again.
func TestNothingAcknowledgedIsLostByKills(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	l := newLedger()
	n := cycles(t, 8)
	for run := range n {
		d, env := startServer(t, dir)
		ended := make(chan error, 1)
		go func() { ended <- l.load(t.Context(), d.addr, run) }()
		l.await(1 + rnd.IntN(2000)) // an instant nobody chose
		if err := d.end(syscall.SIGKILL); err == nil {
			t.Fatal("the server survived")
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if out, err := stet(t, dir, env, "verify"); err != nil {
			t.Fatalf("after kill %d: %s %v", run+1, out, err)
		}
	}
	d, _ := startServer(t, dir)
	l.check(t, d.addr)
	t.Logf("proof: kills=%d acknowledged=%d", n, len(l.acked))
}

// S6 of the issue; I11.
func TestSIGTERMUnderLoadLosesNothingAndEndsInTime(t *testing.T) {
	dir := t.TempDir()
	l := newLedger()
	for run := range cycles(t, 4) {
		d, _ := startServer(t, dir, "--drain-timeout", "20s")
		ended := make(chan error, 1)
		go func() { ended <- l.load(t.Context(), d.addr, run) }()
		l.await(500)
		if err := d.end(syscall.SIGTERM); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if log := d.log(); strings.Contains(log, "cut") {
			t.Errorf("calls were cut instead of drained: %s", log)
		}
	}
	d, _ := startServer(t, dir)
	l.check(t, d.addr)
}

// mainOnAFailingDisk is main with a disk that fails the sync of the engine's
// log once the file fail-now is there.
func mainOnAFailingDisk() {
	fileSystem = errorfs.Wrap(vfs.Default, failNow{})
	main()
}

type failNow struct{}

func (failNow) String() string { return "fail now" }

func (failNow) MaybeError(op errorfs.Op) error {
	isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	if !isSync || !strings.HasSuffix(op.Path, ".log") {
		return nil
	}
	if _, err := os.Stat("fail-now"); err == nil {
		return errors.New("injected: the disk does not answer")
	}
	return nil
}

// S8 of the issue, with the real process: the waiting caller learns that the
// outcome is unknown, the process ends with its own code, and what is started
// again is clean.
func TestAFailedSyncEndsTheProcessWithItsOwnCode(t *testing.T) {
	dir := t.TempDir()
	d, err := startDaemonNamed("stet-on-a-failing-disk", dir, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.remove)
	api, err := client.Dial(d.addr, client.Options{Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	add := func(stream string) error {
		_, err := api.Append(context.Background(), client.Append{Stream: stream, Expect: client.NoStream(), Events: []client.Event{{Type: "T", JSON: "{}"}}})
		return err
	}
	if err := add("before-1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fail-now"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = add("doubtful-1")
	var unknown *client.OutcomeUnknown
	if !errors.As(err, &unknown) || client.Reason(err) != "OUTCOME_UNKNOWN" {
		t.Errorf("the waiting caller got %v", err)
	}
	var exit *exec.ExitError
	if err := d.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != embedded.ExitFailedSync {
		t.Errorf("the process ended with %v: %s", err, d.log())
	}
	if err := api.Close(); err != nil {
		t.Error(err)
	}
	out, err := stet(t, dir, os.Environ(), "verify")
	if err != nil {
		t.Errorf("%s %v", out, err)
	}
	if err := os.Remove(filepath.Join(dir, "fail-now")); err != nil {
		t.Fatal(err)
	}
	again, env := startServer(t, dir)
	if out, err := stet(t, dir, env, "read", "before-1"); err != nil || !strings.Contains(out, "before-1@1") {
		t.Errorf("%s %v", out, err)
	}
	if err := again.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
