package storagetest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stet-db/stet/storage"
)

// Played counts what a random test played.
type Played struct{ Histories, Steps uint64 }

// RunMachine plays random histories on stores that open opens and on the
// [Model], step by step, and wants every answer to be the same, also when each
// reopening changes the variant. A failure prints the seed and the shortest
// history found that shows it. Stores that remember few request ids are shown
// to run out of them as the model does; all variants must remember as many.
func RunMachine(t *testing.T, open Opener, reach Reach) Played {
	base := t.TempDir()
	n := 0
	var played Played
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		variant := rapid.IntRange(0, Variants-1).Draw(rt, "variant")
		subject := opened(t, open, dir, variant, 1)
		subject.reopen = changing(t, open, dir, variant)
		defer discard(t, subject, dir)
		played.Histories++
		reference := newReference(t, subject.store.Stats().RequestIDLimit)
		resolver := newResolver(reach)
		var told story
		rt.Repeat(map[string]func(*rapid.T){"step": func(rt *rapid.T) {
			a := resolver.resolve(anyStep.Draw(rt, "step"), reference.store.(*Model))
			reference.play(t.Context(), a)
			subject.play(t.Context(), a)
			played.Steps++
			last := len(reference.lines) - 1
			want, got := reference.lines[last], subject.lines[last]
			told.tell(a, want)
			if got != want {
				rt.Fatalf("the store (variant %d) differs from the model at the end of this history:\n%s     but the store: %s", variant, &told, got)
			}
		}})
		if err := Difference(t.Context(), subject.store, reference.store); err != nil {
			rt.Fatalf("the store (variant %d) differs from the model after this history:\n%s%v", variant, &told, err)
		}
	})
	return played
}

// changing reopens a store as the next variant each time.
func changing(t *testing.T, open Opener, dir string, variant int) func(storage.Store) storage.Store {
	return func(old storage.Store) storage.Store {
		if err := old.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		variant = (variant + 1) % Variants
		return open(t, dir, variant)
	}
}

// Histories sets how many random histories the test draws, where the command
// line (-rapid.checks) does not say it.
func Histories(t *testing.T, n int) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return
	}
	setFlag(t, "rapid.checks", fmt.Sprint(n))
	t.Cleanup(func() { setFlag(t, "rapid.checks", checks.DefValue) })
}

// Seeded makes the random histories of the test those of a seed.
func Seeded(t *testing.T, seed uint64) {
	t.Helper()
	given := flag.Lookup("rapid.seed").Value.String()
	setFlag(t, "rapid.seed", fmt.Sprint(max(seed, 1))) // 0: none
	t.Cleanup(func() { setFlag(t, "rapid.seed", given) })
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

// RunBatching plays each random history one append at a time on the [Model],
// then on stores of every variant, with appends submitted in small groups, one
// at a time, and all at once, and wants one transcript: where a batch ends
// must not change an answer. All variants must remember as many request ids.
func RunBatching(t *testing.T, open Opener, reach Reach) Played {
	base := t.TempDir()
	var played Played
	n := 0
	probe := opened(t, open, filepath.Join(base, "probe"), 0, 1)
	limit := probe.store.Stats().RequestIDLimit
	discard(t, probe, filepath.Join(base, "probe"))
	rapid.Check(t, func(rt *rapid.T) {
		reference := newReference(t, limit)
		resolver := newResolver(reach)
		var actions []action
		rt.Repeat(map[string]func(*rapid.T){"step": func(rt *rapid.T) {
			a := resolver.resolve(anyStep.Draw(rt, "step"), reference.store.(*Model))
			actions = append(actions, a)
			reference.play(t.Context(), a)
			played.Steps += Variants
		}})
		played.Histories++
		for variant, batch := range [Variants]int{3, 1, 1000} {
			n++
			dir := filepath.Join(base, fmt.Sprint(n))
			if err := playAll(t, open, dir, variant, batch, actions, reference); err != nil {
				rt.Fatalf("variant %d, %d appends at once: %v", variant, batch, err)
			}
		}
	})
	return played
}

// playAll plays the actions on a new store and compares it with the reference.
func playAll(t *testing.T, open Opener, dir string, variant, batch int, actions []action, reference *player) error {
	subject := opened(t, open, dir, variant, batch)
	defer discard(t, subject, dir)
	for _, a := range actions {
		subject.play(t.Context(), a)
	}
	subject.flush()
	for i, want := range reference.lines {
		if got := subject.lines[i]; got != want {
			var told story
			for j, a := range actions[:i+1] {
				told.tell(a, reference.lines[j])
			}
			return fmt.Errorf("the transcript differs at the end of this history:\n%s     but the store: %s", &told, got)
		}
	}
	return Difference(t.Context(), subject.store, reference.store)
}

// story is a history with the model's answers, for a person to read.
type story struct {
	strings.Builder
	steps int
}

func (s *story) tell(a action, answer string) {
	s.steps++
	fmt.Fprintf(s, "%3d. %v\n     %s\n", s.steps, a, answer)
}

// newReference plays on a new model that remembers as many request ids as the
// store it is compared with.
func newReference(t *testing.T, requestIDs uint64) *player {
	return newPlayer(NewModelWith(ModelOptions{RequestIDLimit: requestIDs}), 1, func(old storage.Store) storage.Store {
		if err := old.Close(); err != nil {
			t.Fatalf("close the model: %v", err)
		}
		return old.(*Model).Reopen()
	})
}

// discard closes what was played on and removes its directory.
func discard(t *testing.T, p *player, dir string) {
	p.flush()
	if err := p.store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Errorf("remove: %v", err)
	}
}
