package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
)

// seedOf is fixed in the checks of every change, and otherwise as
// [prooftest.Seed] says.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	if os.Getenv("STET_PROOF") == "" && os.Getenv("STET_PROOF_SEED") == "" {
		return 20260501
	}
	return prooftest.Seed(t)
}

// mishap is one thing that happens to one file of a directory.
type mishap struct {
	name  string
	apply func(r *rand.Rand, b base, files image, name string) bool // false: not possible here
}

var mishaps = []mishap{
	{"flip", func(r *rand.Rand, _ base, files image, name string) bool {
		return changed(files, name, func(content []byte) []byte {
			content[r.IntN(len(content))] ^= 1 << r.IntN(8)
			return content
		})
	}},
	{"flip near the end", func(r *rand.Rand, _ base, files image, name string) bool {
		return changed(files, name, func(content []byte) []byte {
			end := lastByte(content)
			content[max(0, end-r.IntN(200))] ^= 1 << r.IntN(8)
			return content
		})
	}},
	{"truncate", func(r *rand.Rand, _ base, files image, name string) bool {
		return changed(files, name, func(content []byte) []byte { return content[:r.IntN(len(content))] })
	}},
	{"zero", func(r *rand.Rand, _ base, files image, name string) bool {
		return changed(files, name, func(content []byte) []byte {
			size := []int{512, 4096}[r.IntN(2)]
			at := r.IntN(len(content)) / size * size
			clear(content[at:min(at+size, len(content))])
			return content
		})
	}},
	{"garbage", func(r *rand.Rand, _ base, files image, name string) bool {
		if kind(name) != "LOCK" && kind(name) != "marker" {
			return false
		}
		files[name] = []byte("garbage")
		return true
	}},
	{"missing", func(_ *rand.Rand, _ base, files image, name string) bool {
		delete(files, name)
		return true
	}},
	{"stale", func(_ *rand.Rand, b base, files image, name string) bool {
		if kind(name) == "marker" {
			return staleMarker(b, files, name)
		}
		older, ok := b.older[name]
		if !ok || bytes.Equal(older, files[name]) {
			return false
		}
		files[name] = bytes.Clone(older)
		return true
	}},
	{"swapped", func(r *rand.Rand, _ base, files image, name string) bool {
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(other string) bool {
			return other == name || kind(other) != kind(name) || len(files[other]) == 0 || bytes.Equal(files[other], files[name])
		})
		if len(others) == 0 {
			return false
		}
		files[name] = bytes.Clone(files[others[r.IntN(len(others))]])
		return true
	}},
}

func changed(files image, name string, change func([]byte) []byte) bool {
	if len(files[name]) == 0 {
		return false
	}
	files[name] = change(bytes.Clone(files[name]))
	return true
}

// lastByte is the index of the last byte that is not 0.
func lastByte(content []byte) int {
	return max(0, len(bytes.TrimRight(content, "\x00"))-1)
}

// staleMarker puts an earlier marker in the place of a later one.
func staleMarker(b base, files image, name string) bool {
	parts := strings.SplitN(name, ".", 4)
	for older := range b.older {
		if old := strings.SplitN(older, ".", 4); kind(older) == "marker" && old[1] == parts[1] && old[2] < parts[2] {
			delete(files, name)
			files[older] = nil
			return true
		}
	}
	return false
}

// kinds are the types of files, as often as they are chosen.
var kinds = strings.Fields("log log log log log log MANIFEST MANIFEST MANIFEST MANIFEST sst sst sst sst sums sums OPTIONS marker LOCK")

// damagedImage is a directory with one mishap.
type damagedImage struct {
	base   base
	files  image
	name   string // of the file
	kind   string
	mishap string
}

func (d damagedImage) String() string {
	return fmt.Sprintf("%s: %s, %s", d.base.name, d.name, d.mishap)
}

// damage makes the image of a seed.
func damage(all []base, seed uint64) damagedImage {
	r := rand.New(rand.NewPCG(seed, 2))
	for {
		b := all[r.IntN(len(all))]
		files := maps.Clone(b.files)
		files["LOCK"] = nil
		kind, f := kinds[r.IntN(len(kinds))], mishaps[r.IntN(len(mishaps))]
		names := ofKind(files, kind)
		if len(names) == 0 {
			continue
		}
		name := names[r.IntN(len(names))]
		if f.apply(r, b, files, name) {
			return damagedImage{base: b, files: files, name: name, kind: kind, mishap: f.name}
		}
	}
}

func ofKind(files image, want string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(name string) bool { return kind(name) != want })
}

// outcome is what came of a damaged image.
type outcome int

const (
	identical outcome = iota
	refusedToOpen
	reportedByRead
	silent
	untyped // refused without a type
	touched // refused, and the directory is not as it was
	deleted // served in part, and the damaged file is gone
)

var outcomes = []string{"identical", "refused", "reported", "silent", "untyped", "touched", "deleted"}

// isTyped tells whether a client could tell what the error is.
func isTyped(err error) bool {
	var corrupt *storage.CorruptionError
	var form *storage.UnknownFormError
	var format *storage.FormatError
	var none *storage.NotAStoreError
	return errors.As(err, &corrupt) || errors.As(err, &form) || errors.As(err, &format) || errors.As(err, &none)
}

// serve opens a damaged image, reads all of it and closes it.
func (d damagedImage) serve(t testing.TB, noSums bool) (outcome, error) {
	t.Helper()
	fsys := d.files.put(t)
	o := optionsForDamage(fsys)
	o.NoFileSums = noSums
	db, err := Open(imageDir, o)
	if err != nil {
		switch {
		case !d.files.same(take(t, fsys)):
			return touched, err
		case !isTyped(err):
			return untyped, err
		}
		return refusedToOpen, err
	}
	err = d.base.history.compare(t, db, d.base.atLeast, d.base.atMost)
	closed := db.Close()
	var differs *differenceError
	switch {
	case errors.As(err, &differs):
		return silent, err
	case err != nil && !isTyped(err):
		return untyped, err
	case err != nil:
		if _, err := fsys.Stat(fsys.PathJoin(imageDir, d.name)); err != nil {
			return deleted, err
		}
		return reportedByRead, err
	case closed != nil:
		return untyped, closed
	}
	return identical, nil
}

// verify runs the offline check and tells whether it found something.
func (d damagedImage) verify(t testing.TB) bool {
	t.Helper()
	fsys := d.files.put(t)
	report, err := Verify(t.Context(), imageDir, optionsForDamage(fsys), nil)
	if !d.files.same(take(t, fsys)) {
		t.Errorf("%v: verifying changed the directory", d)
	}
	if err != nil && !isTyped(err) {
		t.Errorf("%v: verify: %v", d, err)
	}
	return err != nil || len(report.Problems) > 0
}

// I9: whatever happens to one file, what is served is what was written, or an
// error says what is wrong and nothing is touched.
func TestNoDamageOfAFileIsSilent(t *testing.T) {
	seed := seedOf(t)
	work := prooftest.Choose(t,
		prooftest.Work{Floor: 500, Goal: 500},
		prooftest.Work{Floor: 5000, Goal: 5000})
	counters := prooftest.Counters{"silent": 0, "untyped": 0, "touched": 0, "deleted": 0, "false_alarms": 0}
	combinations := map[string]bool{}
	var all []base
	done := 0
	for ; work.More(done); done++ {
		n := seed + uint64(done)
		if done%500 == 0 {
			all = bases(t, n)
			counters["clean"] += undamaged(t, all)
		}
		d := damage(all, n)
		out, err := d.serve(t, false)
		counters[outcomes[out]]++
		combinations[d.kind+", "+d.mishap] = true
		if out >= silent {
			t.Errorf("seed %d, %v: %s: %v", n, d, outcomes[out], err)
		}
		if done%4 == 0 {
			counters["verified"]++
			if found := d.verify(t); !found && out != identical {
				t.Errorf("seed %d, %v: verify found nothing, but it was %s: %v", n, d, outcomes[out], err)
			}
		}
	}
	counters["images"], counters["combinations"] = uint64(done), uint64(len(combinations))
	work.Report(t, "bitflips", seed, counters, nil)
	work.Check(t, "images", done)
	// Of few images, as a short soak has, chance may leave out what is rare.
	if refused := counters["refused"]; refused < uint64(done)/5 || counters["reported"] < uint64(done)/50 || len(combinations) < 30 {
		t.Errorf("below the floor: %v", counters)
	}
}

// undamaged serves and verifies each image as it is: nobody cries wolf.
func undamaged(t *testing.T, all []base) uint64 {
	t.Helper()
	for _, b := range all {
		d := damagedImage{base: b, files: b.files}
		if out, err := d.serve(t, false); out != identical {
			t.Errorf("%s, undamaged: %s: %v", b.name, outcomes[out], err)
		}
		if d.verify(t) {
			t.Errorf("%s, undamaged: verify reports problems", b.name)
		}
	}
	return uint64(len(all))
}

// The negative control: without the checksums, the same images lose what was
// acknowledged, in silence.
func TestWithoutChecksumsDamageIsSilent(t *testing.T) {
	seed := seedOf(t)
	const few = 80 // about one in six is silent
	work := prooftest.Choose(t, prooftest.Work{Floor: few, Goal: few}, prooftest.Work{Floor: 500, Goal: 500})
	all := bases(t, seed)
	lost, done := uint64(0), 0
	for n := seed; work.More(done); n++ {
		d := damage(all, n)
		if d.kind != "log" && d.kind != "MANIFEST" {
			continue
		}
		done++
		if out, err := d.serve(t, true); out == silent {
			lost++
			if kept, _ := d.serve(t, false); kept == silent {
				t.Errorf("seed %d, %v: silent with checksums too: %v", n, d, err)
			}
		}
	}
	work.Report(t, "bitflips-without-checksums", seed, prooftest.Counters{"images": uint64(done), "silent": lost}, nil)
	if lost == 0 {
		t.Error("nothing was lost: the test of damage could not fail")
	}
}

// A power cut at any moment, with any part of what was not synced, is no
// damage: everything acknowledged is there (I1), and nobody cries wolf.
func TestAPowerCutIsNoDamage(t *testing.T) {
	seed := seedOf(t)
	work := prooftest.Choose(t, prooftest.Work{Floor: 120, Goal: 120}, prooftest.Work{Floor: 5000, Goal: 5000})
	done := 0
	for life := seed; work.More(done) && !t.Failed(); life++ {
		done += cutAndCheck(t, life)
	}
	work.Report(t, "power-cuts-are-no-damage", seed, prooftest.Counters{"images": uint64(done), "false_alarms": 0, "lost": 0}, nil)
	work.Check(t, "images", done)
}

// cutAndCheck lets a history run, cuts it at random operations from its creation
// on, and checks what each cut leaves.
func cutAndCheck(t *testing.T, seed uint64) (images int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 3))
	h, disk := newHistory(t, random), vfs.NewCrashableMem()
	c := &crashes{disk: disk, history: h, random: rand.New(rand.NewPCG(random.Uint64(), 4)), until: 1 + random.IntN(40), every: 1 + random.IntN(400)}
	fsys := errorfs.Wrap(disktest.Clonable{MemFS: disk}, c)
	for range 2 {
		h.open(fsys)
		for range 20 + random.IntN(50) {
			h.commit()
		}
		h.close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cut := range c.taken {
		if err := h.reopen(t, cut); err != nil {
			t.Errorf("seed %d, after a cut with %d %% of the unsynced: %v", seed, cut.percent, err)
		}
	}
	return len(c.taken)
}

// reopen checks what a cut left, by verifying and by serving it twice.
func (h *history) reopen(t *testing.T, cut crash) error {
	t.Helper()
	if _, err := cut.disk.List(imageDir); err == nil && cut.atLeast > 0 {
		report, err := Verify(context.Background(), imageDir, optionsForDamage(cut.disk), nil)
		if err != nil || len(report.Problems) > 0 {
			return fmt.Errorf("verify: %v, %w", report.Problems, err)
		}
	}
	for range 2 {
		db, err := Open(imageDir, optionsForDamage(cut.disk))
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		if err := errors.Join(h.compare(t, db, cut.atLeast, cut.atMost), db.Close()); err != nil {
			return err
		}
	}
	return nil
}
