package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stet-db/stet/internal/proof"
)

// failures is where the output of what failed is kept.
const failures = "bin/proof-failures"

// runner builds test programs and runs layers with them.
type runner struct {
	out io.Writer
	// seed is what the seeds and the order of this run are drawn from.
	seed uint64
	// work is for test programs and for the counters of one run.
	work string

	machine  machine
	building sync.Mutex // held while a program is built: one at a time is fastest
	built    map[string]string

	// record is what was done so far, file where it goes.
	mu     sync.Mutex
	record proof.Record
	file   string
	began  time.Time
}

// lines is an output that several lanes share, each write a whole line.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(text)
}

// turn is one run of a layer.
type turn struct {
	layer
	level string // as in STET_PROOF
	seed  uint64
	box   time.Duration // of a soak
}

// raced is the turn, and where the race detector belongs to its layer, which
// makes it some twenty times slower: the whole of it without the detector, and
// as much as the checks of every change do with it.
func (t turn) raced() []turn {
	if !t.race {
		return []turn{t}
	}
	whole, few := t, t
	whole.race = false
	few.name, few.level = t.name+" with the race detector", ""
	return []turn{whole, few}
}

// settings are the variables that make the run what it is.
func (t turn) settings() []string {
	out := append([]string{"STET_PROOF=" + t.level, fmt.Sprintf("STET_PROOF_SEED=%d", t.seed)}, t.env...)
	if t.level == "soak" {
		each := t.box / time.Duration(max(t.targets, 1))
		out = append(out, "STET_PROOF_TIME="+each.Round(time.Millisecond).String())
	}
	return out
}

// file is a name for the turn's own files.
func (t turn) file() string {
	return fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", " ", "-").Replace(t.name), t.seed)
}

// command repeats the run.
func (t turn) command() string {
	race := ""
	if t.race {
		race = "-race "
	}
	return fmt.Sprintf("%s go test %s-count=1 -timeout 2h -run '%s' ./%s", strings.Join(t.settings(), " "), race, t.tests, t.dir)
}

// program is the test program of a layer, built once.
func (r *runner) program(ctx context.Context, l layer) (string, error) {
	r.building.Lock()
	defer r.building.Unlock()
	key := fmt.Sprintf("%s race=%v", l.dir, l.race)
	if program := r.built[key]; program != "" {
		return program, nil
	}
	program, err := filepath.Abs(filepath.Join(r.work, fmt.Sprintf("test-%d", len(r.built))))
	if err != nil {
		return "", fmt.Errorf("build the tests of %s: %w", l.dir, err)
	}
	args := []string{"test", "-c", "-o", program, "./" + l.dir}
	if l.race {
		args = append(args[:2], append([]string{"-race"}, args[2:]...)...)
	}
	if output, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the tests of %s: %w\n%s", l.dir, err, output)
	}
	r.built[key] = program
	return program, nil
}

// run runs a layer once and adds what it did. The error says why it failed;
// the end of ctx is none of the layer's failures.
func (r *runner) run(ctx context.Context, t turn) error {
	program, err := r.program(ctx, t.layer)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var output strings.Builder
	counters := filepath.Join(r.work, "counters-"+t.file()+".json")
	if err == nil {
		err = errors.Join(removed(counters), r.execute(ctx, t, program, counters, &output))
	} else {
		output.WriteString(err.Error())
	}
	done, readErr := proof.Read(counters)
	r.mu.Lock()
	defer r.mu.Unlock()
	if readErr == nil {
		r.record.Add(done)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err = errors.Join(err, readErr); err == nil {
		return nil
	}
	fmt.Fprintf(r.out, "prove: FAILED: %s: %v\nprove: repeat it with: %s\n", t.name, err, t.command())
	r.record.About.Failures = append(r.record.About.Failures, t.command())
	name := filepath.Join(failures, t.file()+".txt")
	kept := errors.Join(os.MkdirAll(failures, 0o755), os.WriteFile(name, []byte(t.command()+"\n\n"+output.String()), 0o600))
	if kept == nil {
		fmt.Fprintf(r.out, "prove: its output is in %s\n", name)
	}
	return errors.Join(err, kept)
}

func removed(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

var skipLine = regexp.MustCompile(`^proof: (.*: skipped: .*)$`)

// execute runs a test program in its package's directory and shows what it did.
func (r *runner) execute(ctx context.Context, t turn, program, counters string, output *strings.Builder) error {
	counters, err := filepath.Abs(counters)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, program, "-test.run="+t.tests, "-test.count=1", "-test.v", "-test.timeout=2h")
	c.Dir = t.dir
	c.Env = append(append(os.Environ(), "STET_PROOF_FILE="+counters), t.settings()...)
	// A group of its own: an interrupt is for this program, which then ends all
	// that the test started.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 10 * time.Second
	pipe, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		output.WriteString(line)
		if strings.HasPrefix(line, "proof: ") {
			fmt.Fprint(r.out, line)
		}
		if skipped := skipLine.FindStringSubmatch(strings.TrimSpace(line)); skipped != nil {
			r.skipped(skipped[1])
		}
		if err != nil {
			break // its end, or the program's, which Wait tells
		}
	}
	return c.Wait()
}

// skipped notes what this machine cannot do, once.
func (r *runner) skipped(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.record.About.Skipped {
		if known == what {
			return
		}
	}
	r.record.About.Skipped = append(r.record.About.Skipped, what)
}

// save writes the counters so far, and the page.
func (r *runner) save() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.About.Seconds = time.Since(r.began).Round(time.Second).Seconds()
	if err := r.record.Write(r.file); err != nil {
		return err
	}
	return writePage(guarantees)
}
