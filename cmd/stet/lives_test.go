package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
)

// livesOfAStore is after how many lives a new store is begun: each one is read
// whole, so a store that grew for ever would take ever longer.
const livesOfAStore = 25

// lives is one store whose server is brought down under load again and again,
// with what was acknowledged.
type lives struct {
	// dir is the working directory, with the store in it.
	dir string
	// program is what serves and verifies, in the environment env with args.
	program   string
	env, args []string
	// shown is how many losses a test tells in full; the rest is counted.
	shown int

	ledger *ledger
	rnd    *rand.Rand
	seed   uint64
	run    int // tells lives apart, also those of other stores
	lost   int
}

func newLives(dir string, seed uint64, run int) *lives {
	return &lives{
		dir: dir, program: "stet", env: os.Environ(), shown: 10, ledger: newLedger(),
		rnd: rand.New(rand.NewPCG(seed, uint64(run))), seed: seed, run: run,
	}
}

// live is one life: the server starts on what the last one left, which must be
// all that was acknowledged, takes load until an instant that nobody chose, and
// is brought down; an offline verification then finds nothing.
func (l *lives) live(t *testing.T, down func(*testing.T, *daemon)) {
	t.Helper()
	d := l.start(t)
	l.check(t, d)
	ended := l.load(t, d)
	l.ledger.await(1 + l.rnd.IntN(2000))
	down(t, d)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	d.remove()
	l.verify(t)
}

func (l *lives) start(t *testing.T) *daemon {
	t.Helper()
	d, err := startDaemonNamed(l.program, l.dir, l.env, l.args...)
	if err != nil {
		t.Fatalf("life %d: %v", l.run, err)
	}
	t.Cleanup(d.remove)
	return d
}

// load begins to append. The channel gives what went wrong when the server is
// gone.
func (l *lives) load(t *testing.T, d *daemon) <-chan error {
	l.run++
	l.ledger.change(func() { l.ledger.loading = true })
	ended, run := make(chan error, 1), l.run
	go func() {
		err := l.ledger.load(t.Context(), d.addr, l.seed, run)
		l.ledger.change(func() { l.ledger.loading = false })
		ended <- err
	}()
	return ended
}

// check compares the log with the ledger: everything acknowledged is there, at
// its place, and nothing is there twice (I1, I2).
func (l *lives) check(t *testing.T, d *daemon) {
	t.Helper()
	a, err := l.ledger.audit(d.addr)
	if err != nil {
		t.Fatalf("life %d: %v", l.run, err)
	}
	l.judge(t, a)
}

// judge tells what an audit found.
func (l *lives) judge(t *testing.T, a audit) {
	t.Helper()
	for _, text := range a.wrong {
		t.Errorf("life %d: %s", l.run, text)
	}
	l.lost += len(a.lost)
	for _, text := range a.lost[:min(len(a.lost), l.shown)] {
		t.Errorf("life %d: %s", l.run, text)
	}
}

// verify is stet verify of the store while nobody serves it.
func (l *lives) verify(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), l.program, "verify")
	cmd.Dir, cmd.Env = l.dir, l.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("after life %d: %s %v", l.run, out, err)
	}
}

// end checks a last time, stops the server in order and adds up.
func (l *lives) end(t *testing.T, count prooftest.Counters) {
	t.Helper()
	d := l.start(t)
	l.check(t, d)
	if err := d.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if log := d.log(); strings.Contains(log, "ERROR") {
		t.Errorf("the log of an undisturbed server: %s", log)
	}
	d.remove()
	count["acknowledged"] += uint64(len(l.ledger.acked))
	count["lost"] += uint64(l.lost)
}
