package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stet-db/stet/internal/lifecycle"
	"github.com/stet-db/stet/internal/proof"
)

// Files, from the root of the repository.
const (
	latestProof = "docs/proof-latest.json"
	latestSoak  = "docs/soak-latest.json"
	guarantees  = "docs/guarantees.md"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("want full, soak, page or list; see go doc ./internal/prove")
	}
	all, err := layers()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	only := flags.String("only", "", "layers whose names match this `expression`")
	seed := flags.Uint64("seed", rand.Uint64(), "what seeds and order are drawn from; with -only, the seed of each run")
	lasting := flags.Duration("for", time.Hour, "how long to soak")
	box := flags.Duration("box", time.Minute, "how long one run of a soak takes")
	halt := flags.Bool("stop", false, "end a soak at the first failure")
	jobs := flags.Int("jobs", 2, "how many layers of a full proof run at once")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	chosen, err := matching(all, *only)
	if err != nil {
		return err
	}
	switch args[0] {
	case "full":
		return withRunner(out, latestProof, *seed, *only != "", func(r *runner) error { return r.full(ctx, chosen, *only != "", *jobs) })
	case "soak":
		return withRunner(out, latestSoak, *seed, false, func(r *runner) error { return r.soak(ctx, chosen, *lasting, *box, *halt) })
	case "page":
		return writePage(guarantees)
	case "list":
		for _, l := range chosen {
			fmt.Fprintf(out, "%-30s %s\n", l.name, turn{layer: l, level: "full", seed: *seed}.command())
		}
		return nil
	}
	return fmt.Errorf("%q: want full, soak, page or list", args[0])
}

func matching(all []layer, only string) ([]layer, error) {
	expression, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(l layer) bool { return !expression.MatchString(l.name) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-only %q: no layer has such a name; see prove list", only)
	}
	return chosen, nil
}

// withRunner makes a runner whose record goes to the file, goes on with what is
// there if asked to and if it may, and removes what it built.
func withRunner(out io.Writer, file string, seed uint64, goOn bool, do func(*runner) error) (err error) {
	work, err := os.MkdirTemp("", "stet-proof-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	r := &runner{out: &lines{to: out}, work: work, built: map[string]string{}, record: proof.New(), file: file, began: time.Now()}
	r.seed = seed
	r.record.About = here()
	r.record.About.Seed, r.record.About.Began = seed, r.began.UTC().Format(time.RFC3339)
	if goOn {
		if err := r.goOn(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "prove: seed %d\n", seed)
	return do(r)
}

// here is what is to be proven, and on what. A proof of what is in no commit
// has "-dirty" at the end of the commit; what proofs write does not count.
func here() proof.About {
	a := proof.About{Commit: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU()}
	commit, err := exec.Command("git", "describe", "--always").Output()
	if err != nil {
		return a
	}
	changed, err := exec.Command("git", "status", "--porcelain", "--", ".", ":!"+latestProof, ":!"+latestSoak, ":!"+guarantees).Output()
	a.Commit = strings.TrimSpace(string(commit))
	if err != nil || len(changed) > 0 {
		a.Commit += dirty
	}
	return a
}

const dirty = "-dirty"

// goOn goes on with the record on disk, if that is of the same commit and
// machine: what it says of its layers must be true of what it says it is of.
// Nobody knows whether two states that are in no commit are the same.
func (r *runner) goOn() error {
	before, err := proof.Read(r.file)
	if err != nil || len(before.Layers) == 0 {
		return err
	}
	now, then := r.record.About, before.About
	if now.Commit == "unknown" || strings.HasSuffix(now.Commit, dirty) || now.Commit != then.Commit || now.Go != then.Go || now.System != then.System || now.Cores != then.Cores {
		fmt.Fprintf(r.out, "prove: %s is of %s (%s, %s, %d cores), and this is %s (%s, %s, %d cores): it is begun anew, with these layers only\n",
			r.file, then.Commit, then.System, then.Go, then.Cores, now.Commit, now.System, now.Go, now.Cores)
		return nil
	}
	r.record = before
	r.began = r.began.Add(-time.Duration(then.Seconds * float64(time.Second)))
	return nil
}

// full runs each layer once at its bar, some at once, and adds to the record.
// Some: only those chosen, each with the seed of the runner, so that one can be
// repeated.
func (r *runner) full(ctx context.Context, chosen []layer, some bool, jobs int) error {
	random := rand.New(rand.NewPCG(r.seed, 0))
	turns := make(chan turn, 2*len(chosen))
	for _, l := range chosen {
		t := turn{layer: l, level: "full", seed: random.Uint64()}
		if some {
			t.seed = r.seed
		}
		r.forget(l)
		for _, t := range t.raced() {
			turns <- t
		}
	}
	close(turns)
	failed := make(chan error, 2*len(chosen)) // room for all: nobody waits
	lanes := lifecycle.New(ctx)
	for lane := range max(jobs, 1) {
		lanes.Go(fmt.Sprintf("lane %d", lane), func(ctx context.Context) error { return r.lane(ctx, turns, failed) })
	}
	if err := lanes.Wait(); err != nil || ctx.Err() != nil {
		return errors.Join(errors.New("interrupted"), err, r.save())
	}
	close(failed)
	var all error
	for err := range failed {
		all = errors.Join(all, err)
	}
	for _, missed := range r.record.Missed() {
		all = errors.Join(all, errors.New(missed))
	}
	if all == nil {
		fmt.Fprintln(r.out, "prove: all bars are reached; commit docs/proof-latest.json and docs/guarantees.md")
	}
	return all
}

// lane runs turns one after the other until there are none. A failed one does
// not end it.
func (r *runner) lane(ctx context.Context, turns <-chan turn, failed chan<- error) error {
	for t := range turns {
		release := r.machine.take(t.alone)
		began := time.Now()
		err := r.run(ctx, t)
		release()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed <- fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Fprintf(r.out, "prove: %s took %v, %v so far\n", t.name, time.Since(began).Round(time.Second), time.Since(r.began).Round(time.Second))
		if err := r.save(); err != nil {
			return err
		}
	}
	return nil
}

// forget drops what an earlier run of the layer left in the record.
func (r *runner) forget(l layer) {
	r.record.About.Failures = slices.DeleteFunc(r.record.About.Failures, func(command string) bool {
		return strings.Contains(command, "'"+l.tests+"' ./"+l.dir)
	})
	names := append([]string{l.name}, writtenBy[l.name]...)
	for name := range r.record.Layers {
		if strings.HasPrefix(name, "fuzz-"+l.dir+".") && strings.HasPrefix(l.name, "fuzz ") {
			names = append(names, name)
		}
	}
	for _, name := range names {
		r.record.Forget(name)
	}
}

// writtenBy are the names in the record where they are not the layer's own.
var writtenBy = map[string][]string{
	"model":      {"model-reopened", "model-crashed", "model-batches"},
	"damage":     {"bitflips", "bitflips-without-checksums", "power-cuts-are-no-damage"},
	"power-cuts": {"power-cuts", "power-cuts-without-sync"},
	"mutants":    {"mutants-all"},

	"virtual-time":    {"virtual-clock", "virtual-request-ids"},
	"virtual-clients": {"virtual-clients", "virtual-subscriptions"},
}

// soak runs layers in an order drawn from the seed until the time is over.
func (r *runner) soak(ctx context.Context, chosen []layer, lasting, box time.Duration, halt bool) error {
	random := rand.New(rand.NewPCG(r.seed, 1))
	var bag []layer
	for _, l := range chosen {
		for range l.often {
			bag = append(bag, l)
		}
	}
	if len(bag) == 0 {
		return errors.New("none of these layers makes choices to soak")
	}
	failed := 0
	for ctx.Err() == nil && time.Since(r.began) < lasting {
		left := lasting - time.Since(r.began)
		t := turn{layer: bag[random.IntN(len(bag))], level: "soak", seed: random.Uint64(), box: max(min(box, left), time.Second)}
		fmt.Fprintf(r.out, "prove: %s with seed %d, %v left\n", t.name, t.seed, left.Round(time.Second))
		err := r.run(ctx, t)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			failed++
		}
		if err := r.save(); err != nil {
			return err
		}
		if failed > 0 && halt {
			break
		}
	}
	return errors.Join(r.save(), r.sums(failed))
}

// sums prints what a soak did, and tells whether all was well.
func (r *runner) sums(failed int) error {
	for _, name := range slices.Sorted(maps.Keys(r.record.Layers)) {
		l := r.record.Layers[name]
		fmt.Fprintf(r.out, "soak: %s: %d runs, %.0f s, %v\n", name, l.Runs, l.Seconds, l.Counters)
	}
	violated := r.record.Violated()
	fmt.Fprintf(r.out, "soak: %v, seed %d, %d failed runs, %d violations; counters and seeds are in %s\n",
		time.Since(r.began).Round(time.Second), r.seed, failed, len(violated), r.file)
	if len(violated) > 0 {
		return fmt.Errorf("%d violations:\n%s", len(violated), strings.Join(violated, "\n"))
	}
	return nil
}

// writePage makes the section of the page anew.
func writePage(file string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	full, err := proof.Read(latestProof)
	if err != nil {
		return err
	}
	soak, err := proof.Read(latestSoak)
	if err != nil {
		return err
	}
	text, err := proof.Page(string(page), full, soak)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
