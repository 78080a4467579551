package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Counters are what a layer did, by name.
type Counters map[string]uint64

// Layer is what a layer did in one run, or in all runs of a soak.
type Layer struct {
	// Runs is how often it ran.
	Runs int `json:"runs"`
	// Seeds repeat the runs, in order. A layer without choices has none.
	Seeds []uint64 `json:"seeds,omitempty"`
	// Seconds is how long it took in all.
	Seconds  float64  `json:"seconds"`
	Counters Counters `json:"counters"`
	// Points are its part of the record's.
	Points map[string]uint64 `json:"fault_points,omitempty"`
}

// Record is a file of counters.
type Record struct {
	About  About            `json:"about"`
	Layers map[string]Layer `json:"layers"`
	// Points are how often each fault point was passed, over all layers.
	Points map[string]uint64 `json:"fault_points"`
}

// About says what was proven, when, and on what.
type About struct {
	Commit string `json:"commit,omitempty"`
	// Seed is what the seeds and the order of a soak were drawn from.
	Seed    uint64  `json:"seed,omitempty"`
	Began   string  `json:"began,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Go      string  `json:"go,omitempty"`
	System  string  `json:"system,omitempty"`
	Cores   int     `json:"cores,omitempty"`
	// Skipped is what this machine could not do: "layer: skipped: reason".
	Skipped []string `json:"skipped,omitempty"`
	// Failures are the commands that repeat what failed.
	Failures []string `json:"failures,omitempty"`
}

// New is a record of nothing.
func New() Record {
	return Record{Layers: map[string]Layer{}, Points: map[string]uint64{}}
}

// Read reads a record. A file that is not there is a record of nothing.
func Read(file string) (Record, error) {
	r := New()
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read the counters in %s: %w", file, err)
	}
	return r, nil
}

// Write writes the record, whole or not at all.
func (r Record) Write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the counters: %w", err)
	}
	next, err := os.CreateTemp(filepath.Dir(file), ".counters-*")
	if err != nil {
		return fmt.Errorf("write the counters: %w", err)
	}
	_, err = next.Write(append(text, '\n'))
	err = errors.Join(err, next.Chmod(0o644), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the counters: %w", err), os.Remove(next.Name()))
	}
	return nil
}

// Add adds what another record tells: counters are summed, seeds listed.
func (r Record) Add(other Record) {
	for name, more := range other.Layers {
		l := r.Layers[name]
		l.Runs += more.Runs
		l.Seconds += more.Seconds
		l.Seeds = append(l.Seeds, more.Seeds...)
		if l.Counters == nil {
			l.Counters = Counters{}
		}
		for counter, n := range more.Counters {
			l.Counters.add(counter, n)
		}
		for point, n := range more.Points {
			if l.Points == nil {
				l.Points = map[string]uint64{}
			}
			l.Points[point] += n
		}
		r.Layers[name] = l
	}
	for point, n := range other.Points {
		r.Points[point] += n
	}
}

// Forget drops a layer with all that it left: its passes of fault points, and
// why it was skipped.
func (r *Record) Forget(layer string) {
	for point, n := range r.Layers[layer].Points {
		r.Points[point] -= min(n, r.Points[point])
	}
	delete(r.Layers, layer)
	r.About.Skipped = slices.DeleteFunc(r.About.Skipped, func(line string) bool { return isSkip(line, layer) })
}

// isSkip tells whether a line of what was skipped is about a layer.
func isSkip(line, layer string) bool { return strings.HasPrefix(line, layer+": skipped: ") }

// add adds to a counter. A share, a size, a time and the kinds that there are
// do not grow with each run: the largest is kept.
func (c Counters) add(counter string, n uint64) {
	switch {
	case slices.Contains([]string{"workload_operations", "combinations", "targets", "hostilities", "examples", "subscribers"}, counter),
		strings.HasSuffix(counter, "_percent"), strings.HasSuffix(counter, "_mib"), strings.HasSuffix(counter, "_us"):
		c[counter] = max(c[counter], n)
	default:
		c[counter] += n
	}
}
