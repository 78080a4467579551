package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stet-db/stet/bench/scale"
	"github.com/stet-db/stet/internal/heap"
)

// settings are the flags.
type settings struct {
	stet        string
	dir, out    string
	systems     string
	rows        string
	quick       bool
	rounds      int
	warmup      time.Duration
	duration    time.Duration
	settle      time.Duration
	events      int
	length      int
	connections int
}

func main() {
	ctx, stop := signalled()
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func signalled() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// start runs a role as a child, the measurement of growth, or the benchmark.
func start(ctx context.Context, args []string) error {
	if len(args) > 1 && args[0] == "-role" {
		if role := roles[args[1]]; role != nil {
			return role(ctx, args[2:])
		}
		return fmt.Errorf("there is no role %q", args[1])
	}
	if len(args) > 0 && args[0] == "scale" {
		return scale.Run(ctx, args[1:], os.Stderr)
	}
	heap.Tune(0) // the clients of all systems are in this process
	s, err := parse(args)
	if err != nil {
		return err
	}
	systems, err := s.chosen()
	if err != nil {
		return err
	}
	b := &bench{settings: s, rows: s.chosenRows()}
	if len(b.rows) == 0 {
		return fmt.Errorf("no row of the table has %q in its name", s.rows)
	}
	if err := os.MkdirAll(filepath.Join(s.out, "plots"), 0o750); err != nil { // found now, not after the run
		return err
	}
	b.stopped = b.run(ctx, systems)
	if !b.anything() {
		return b.stopped
	}
	return errors.Join(b.stopped, b.write(s.out), b.failed())
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&s.stet, "stet", filepath.Join("..", "bin", "stet"), "the `program` to measure")
	f.StringVar(&s.dir, "dir", "", "`directory` in which to make the data directories (default: that for temporary files)")
	f.StringVar(&s.out, "out", ".", "`directory` for RESULTS.md, results.json and plots")
	f.StringVar(&s.systems, "systems", "", "only systems that have one of these `words,...` in their names (default: all)")
	f.StringVar(&s.rows, "rows", "", "only rows that have one of these `words,...` in their names (default: all)")
	f.BoolVar(&s.quick, "quick", false, "a short run that shows that everything works; its figures mean little")
	f.IntVar(&s.rounds, "rounds", 3, "how often everything is measured")
	f.DurationVar(&s.warmup, "warmup", time.Second, "before each measurement")
	f.DurationVar(&s.duration, "duration", 5*time.Second, "of each measurement")
	f.DurationVar(&s.settle, "settle", time.Minute, "longest wait for background work after filling and opening")
	f.IntVar(&s.events, "events", 2_000_000, "events written before reads")
	f.IntVar(&s.length, "stream-length", 20, "events of each of their streams")
	f.IntVar(&s.connections, "connections", 4, "connections that the clients of Stet and JetStream share")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if s.quick {
		s.rounds, s.warmup, s.duration, s.settle, s.events = 1, 100*time.Millisecond, 400*time.Millisecond, time.Second, 20_000
	}
	if s.rounds < 1 || s.duration <= 0 || s.settle < 0 || s.length < 1 || s.events < s.length || s.connections < 1 {
		return nil, errors.New("rounds, duration, settle, events, stream length and connections must be above 0")
	}
	return s, nil
}

// chosen are the systems to measure.
func (s *settings) chosen() ([]system, error) {
	all := []system{stet(s.stet, s.connections), jetStream(s.connections, true), {name: "PostgreSQL"}, echo(s.connections), barePebble(), parts(s.connections), jetStream(s.connections, false)}
	var out []system
	for _, sys := range all {
		if !matches(sys.name, s.systems) {
			continue
		}
		if sys.start == nil {
			bin, err := findPostgres()
			if err != nil {
				return nil, err
			}
			sys = postgres(bin)
		}
		out = append(out, sys)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no system has %q in its name", s.systems)
	}
	return out, nil
}

func (s *settings) chosenRows() []row {
	var out []row
	for _, r := range rows {
		if matches(r.name, s.rows) {
			out = append(out, r)
		}
	}
	return out
}

func matches(name, words string) bool {
	return words == "" || slices.ContainsFunc(strings.Split(words, ","), func(word string) bool {
		return strings.Contains(strings.ToLower(name), strings.ToLower(strings.TrimSpace(word)))
	})
}

// module is the version of a module that this program is built with.
func module(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}
