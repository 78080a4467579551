package sumfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record/recordtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dir = "data"

// opened is a file system over next, whose directory exists.
func opened(t testing.TB, next vfs.FS) *FS {
	t.Helper()
	if err := next.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := Open(next, dir, func(err error) { t.Log("reported:", err) })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// made creates a file and makes its name durable.
func made(t testing.TB, f *FS, name string) vfs.File {
	t.Helper()
	file, err := f.Create(f.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
	must(t, err, f.syncNames())
	return file
}

func write(t testing.TB, file vfs.File, text string) {
	t.Helper()
	_, err := file.Write([]byte(text))
	must(t, err)
}

// flip changes one byte of a file.
func flip(t testing.TB, fsys vfs.FS, name string, at int64) {
	t.Helper()
	file, err := fsys.OpenReadWrite(fsys.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
	must(t, err)
	b := make([]byte, 1)
	_, err = file.ReadAt(b, at)
	must(t, err)
	_, err = file.WriteAt([]byte{b[0] ^ 1}, at)
	must(t, err, file.Close())
}

// damage checks the directory and gives what it reports, or "".
func damage(t testing.TB, fsys vfs.FS) string {
	t.Helper()
	err := Check(context.Background(), fsys, dir)
	var corrupt *storage.CorruptionError
	if err != nil && !errors.As(err, &corrupt) {
		t.Fatal(err)
	}
	if corrupt == nil {
		return ""
	}
	return corrupt.Error()
}

func TestASlotIsAsDrawn(t *testing.T) {
	s := slot{
		sequence: 7,
		files:    []fileEntry{{"000005.log", 32768, 0xe3069283}, {"MANIFEST-000001", 94, 0x12345678}},
		markers:  []markerEntry{{"manifest", 2}},
	}
	b, left := s.append(nil)
	if want := recordtest.Golden(t, "file-checksums"); !bytes.Equal(b, want) || left != 0 {
		t.Errorf("encoded: % x\nwant     % x", b, want)
	}
	got, err := parseSlot(append(b, "what was there before"...))
	if err != nil || fmt.Sprint(got) != fmt.Sprint(s) {
		t.Errorf("decoded %+v, %v", got, err)
	}
}

func TestASlotThatIsNotWholeIsNotValid(t *testing.T) {
	whole := recordtest.Golden(t, "file-checksums")
	for n := range whole {
		if _, err := parseSlot(whole[:n]); err == nil {
			t.Errorf("the first %d bytes are valid", n)
		}
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[n] ^= 1 << bit
			if _, err := parseSlot(b); err == nil {
				t.Errorf("valid with bit %d of byte %d flipped", bit, n)
			}
		}
	}
	for _, b := range [][]byte{nil, make([]byte, slotBytes), bytes.Repeat([]byte{0xff}, slotBytes)} {
		if _, err := parseSlot(b); err == nil {
			t.Errorf("%d times %x is valid", len(b), b[:min(1, len(b))])
		}
	}
}

func FuzzSlot(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte(slotMagic))
	whole, _ := (&slot{files: []fileEntry{{"1.log", 1, 2}}, markers: []markerEntry{{"m", 1}}}).append(nil)
	z.Add(whole)
	z.Run(func(t *testing.T, b []byte) {
		s, err := parseSlot(b)
		if err != nil {
			return
		}
		again, _ := s.append(nil)
		if other, err := parseSlot(again); err != nil || fmt.Sprint(other) != fmt.Sprint(s) {
			t.Errorf("%+v became %+v, %v", s, other, err)
		}
	})
}

func TestFilesThatDoNotFitAreLeftOutOldestFirst(t *testing.T) {
	var s slot
	for i := range 300 {
		s.files = append(s.files, fileEntry{fmt.Sprintf("%06d.log", 1000-i), 1, 2})
	}
	b, left := s.append(nil)
	got, err := parseSlot(b)
	if err != nil || len(b) > slotBytes || len(got.files)+left != 300 || len(got.files) < 100 || got.files[0].name != "001000.log" {
		t.Errorf("%d bytes, %d files, %d left, %v", len(b), len(got.files), left, err)
	}
}

func TestOnlyWhatWasSyncedIsCovered(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	log := made(t, f, "000002.log")
	write(t, log, "durable")
	must(t, log.SyncData())
	write(t, log, "not yet")
	flip(t, disk, "000002.log", 10)
	if got := damage(t, disk); got != "" {
		t.Errorf("what was not synced is covered: %s", got)
	}
	flip(t, disk, "000002.log", 6)
	if got := damage(t, disk); !strings.Contains(got, "data/000002.log") || !strings.Contains(got, "bytes 0 to 7 ") {
		t.Errorf("damage: %q", got)
	}
	flip(t, disk, "000002.log", 6)
	must(t, disk.Remove("data/000002.log"))
	if got := damage(t, disk); !strings.Contains(got, "is missing") {
		t.Errorf("a missing file: %q", got)
	}
	must(t, log.Close(), f.Close())
}

func TestAFileIsNotedOnlyOnceItsNameIsDurable(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	file, err := f.Create("data/MANIFEST-000007", vfs.WriteCategoryUnspecified)
	must(t, err)
	write(t, file, "edits")
	must(t, file.Sync())
	if s, _, _ := load(disk, dir); len(s.files) != 0 {
		t.Errorf("noted before its name was durable: %+v", s)
	}
	must(t, f.syncNames())
	if s, _, _ := load(disk, dir); len(s.files) != 1 || s.files[0].covered != 5 {
		t.Errorf("not noted after its name was durable: %+v", s)
	}
	must(t, file.Close(), f.Close())
}

func TestARecycledLogIsCoveredAsFarAsItIsWrittenAnew(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	old := made(t, f, "000002.log")
	write(t, old, "a long log of an earlier time")
	must(t, old.Sync(), old.Close())
	reused, err := f.ReuseForWrite("data/000002.log", "data/000009.log", vfs.WriteCategoryUnspecified)
	must(t, err)
	for i := range 2 {
		if s, _, _ := load(disk, dir); len(s.files) != 0 {
			t.Errorf("slot %d still has %+v", i, s.files)
		}
		flip(t, disk, Name, int64(f.mu.sequence%2)*slotBytes+10) // the other slot counts
	}
	flip(t, disk, Name, slotBytes*int64(f.mu.sequence%2)+10)
	must(t, f.syncNames())
	write(t, reused, "new")
	must(t, reused.Sync())
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	flip(t, disk, "000009.log", 20) // of the earlier time
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	flip(t, disk, "000009.log", 2)
	if got := damage(t, disk); !strings.Contains(got, "000009.log") {
		t.Errorf("damage: %q", got)
	}
	must(t, reused.Close(), f.Close())
}

func TestAMarkerThatWentBackIsDamage(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	for _, name := range []string{"marker.manifest.000001.MANIFEST-000001", "marker.manifest.000002.MANIFEST-000004"} {
		must(t, made(t, f, name).Close())
	}
	must(t, f.Remove("data/marker.manifest.000001.MANIFEST-000001"), f.Close())
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	must(t, disk.Rename("data/marker.manifest.000002.MANIFEST-000004", "data/marker.manifest.000001.MANIFEST-000001"))
	if got := damage(t, disk); !strings.Contains(got, "is at iteration 1 and was at 2") {
		t.Errorf("damage: %q", got)
	}
	must(t, disk.Remove("data/marker.manifest.000001.MANIFEST-000001"))
	if got := damage(t, disk); !strings.Contains(got, "is missing") {
		t.Errorf("damage: %q", got)
	}
}

func TestDamageOfTheChecksumsIsNoDamageOfTheData(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	log := made(t, f, "000002.log")
	for range 3 {
		write(t, log, "durable")
		must(t, log.Sync())
	}
	must(t, log.Close(), f.Close())
	flip(t, disk, Name, 20)
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	flip(t, disk, "000002.log", 3)
	if got := damage(t, disk); got == "" {
		t.Error("the other slot was not used")
	}
	flip(t, disk, Name, slotBytes+20)
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	must(t, opened(t, disk).Close())
	if _, ok, err := load(disk, dir); !ok || err != nil {
		t.Errorf("opening made no new ones: %v", err)
	}
}

// faults fails operations on the checksums' own file.
type faults struct {
	mu   sync.Mutex
	fail func(op errorfs.Op) error
}

func (f *faults) String() string { return "faults" }

func (f *faults) MaybeError(op errorfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil || !strings.HasSuffix(op.Path, Name) {
		return nil
	}
	return f.fail(op)
}

var errInjected = errors.New("injected")

func TestFilesCanBeDeletedWhenTheChecksumsCannotBeWritten(t *testing.T) {
	disk := vfs.NewMem()
	broken := &faults{}
	var reported []string
	fsys := errorfs.Wrap(disk, broken)
	must(t, disk.MkdirAll(dir, 0o750))
	f, err := Open(fsys, dir, func(err error) { reported = append(reported, err.Error()) })
	must(t, err)
	log := made(t, f, "000002.log")
	write(t, log, "durable")
	must(t, log.Sync())
	broken.fail = func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWriteAt {
			return errInjected
		}
		return nil
	}
	for range 5 { // the commits go on, and it is said once
		write(t, log, "more")
		must(t, log.Sync())
	}
	if len(reported) != 1 {
		t.Errorf("reported: %q", reported)
	}
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	must(t, log.Close(), f.Remove("data/000002.log"))
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	if len(reported) != 2 || !strings.Contains(reported[1], "given up") {
		t.Errorf("reported: %q", reported)
	}
	broken.fail = func(errorfs.Op) error { return errInjected }
	other := made(t, f, "000003.log")
	write(t, other, "x")
	must(t, other.Sync(), other.Close(), f.Remove("data/000003.log"), f.Close())
}

// The engine tries again to remove a file; it must not go while old checksums
// with its name are on the disk.
func TestNoFileGoesBeforeOldChecksumsHaveGone(t *testing.T) {
	disk := vfs.NewMem()
	broken := &faults{}
	f := opened(t, errorfs.Wrap(disk, broken))
	log := made(t, f, "000002.log")
	write(t, log, "durable")
	must(t, log.Sync(), log.Close())
	broken.fail = func(errorfs.Op) error { return errInjected }
	for range 3 {
		if err := f.Remove("data/000002.log"); !errors.Is(err, errInjected) {
			t.Errorf("removing: %v", err)
		}
		if got := damage(t, disk); got != "" {
			t.Error(got)
		}
	}
	broken.fail = nil
	must(t, f.Remove("data/000002.log"))
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	must(t, f.Close())
}

func TestAFailedSyncCoversNothingMore(t *testing.T) {
	disk := vfs.NewMem()
	fail := false
	f := opened(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if fail && op.Kind == errorfs.OpFileSync && strings.HasSuffix(op.Path, ".log") {
			return errInjected
		}
		return nil
	})))
	log := made(t, f, "000002.log")
	write(t, log, "durable")
	must(t, log.Sync())
	fail = true
	write(t, log, "unknown")
	if err := log.Sync(); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	fail = false
	must(t, log.Sync())
	if s, _, _ := load(disk, dir); s.files[0].covered != 7 {
		t.Errorf("covered: %+v", s)
	}
	must(t, log.Close(), f.Close())
}

func TestASealedDirectoryIsCoveredWhole(t *testing.T) {
	disk := vfs.NewMem()
	must(t, disk.MkdirAll(dir, 0o750))
	for name, text := range map[string]string{"000002.log": "log", "MANIFEST-000001": "edits", "000004.sst": "table", "marker.manifest.000001.MANIFEST-000001": ""} {
		file, err := disk.Create("data/"+name, vfs.WriteCategoryUnspecified)
		must(t, err)
		write(t, file, text)
		must(t, file.Close())
	}
	must(t, Seal(t.Context(), disk, dir))
	if got := damage(t, disk); got != "" {
		t.Error(got)
	}
	s, ok, err := load(disk, dir)
	if !ok || err != nil || len(s.files) != 2 || len(s.markers) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	flip(t, disk, "MANIFEST-000001", 4)
	if got := damage(t, disk); !strings.Contains(got, "MANIFEST-000001") {
		t.Errorf("damage: %q", got)
	}
}

func TestScrubbingComparesTheFilesInUse(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	log := made(t, f, "000002.log")
	write(t, log, "durable")
	must(t, log.Sync())
	var found []storage.CorruptionError
	read := 0
	scrub := func() error {
		return f.Scrub(t.Context(), func(ctx context.Context, n int) error { read += n; return ctx.Err() },
			func(e storage.CorruptionError) { found = append(found, e) })
	}
	must(t, scrub())
	if len(found) != 0 || read != 7 {
		t.Errorf("%d bytes, %v", read, found)
	}
	flip(t, disk, "000002.log", 1)
	must(t, scrub())
	if len(found) != 1 || found[0].Where != "data/000002.log" {
		t.Errorf("%v", found)
	}
	must(t, log.Close(), f.Close())
}

// I1: logs and a MANIFEST are written, recycled and removed side by side while
// the power fails at random moments; no image is called damaged.
func TestNoCutOfThePowerLooksLikeDamage(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	cuts := 0
	for cuts < 300 { // how many each round gives is the scheduler's choice
		disk := vfs.NewCrashableMem()
		f := opened(t, disktest.Clonable{MemFS: disk})
		var running sync.WaitGroup
		for w := range 3 {
			running.Go(func() { churn(t, f, w) })
		}
		for range 20 {
			cut := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
			if names, _ := cut.List(dir); len(names) == 0 {
				continue
			}
			cuts++
			if got := damage(t, cut); got != "" {
				t.Fatal(got)
			}
		}
		running.Wait()
		must(t, f.Close())
		if got := damage(t, disk); got != "" {
			t.Fatal(got)
		}
	}
}

// churn writes files of its own, recycling and removing them.
func churn(t *testing.T, f *FS, who int) {
	name := func(n int) string { return fmt.Sprintf("data/%d%05d.log", who, n) }
	file, err := f.Create(name(0), vfs.WriteCategoryUnspecified)
	for n := range 20 {
		err = errors.Join(err, f.syncNames())
		for range 5 {
			if err == nil {
				_, err = file.Write(bytes.Repeat([]byte{byte(n)}, 3000))
				err = errors.Join(err, file.SyncData())
			}
		}
		if err == nil {
			err = file.Close()
		}
		switch {
		case err != nil:
			t.Error(err)
			return
		case n%3 == 2:
			err = f.Remove(name(n))
			if err == nil {
				file, err = f.Create(name(n+1), vfs.WriteCategoryUnspecified)
			}
		default:
			file, err = f.ReuseForWrite(name(n), name(n+1), vfs.WriteCategoryUnspecified)
		}
	}
	if err = errors.Join(err, file.Close()); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheNewestLogIsKeptWhenTheOthersAreForgotten(t *testing.T) {
	disk := vfs.NewMem()
	f := opened(t, disk)
	for _, name := range []string{"000002.log", "MANIFEST-000001", "000004.log", "000003.log"} {
		file := made(t, f, name)
		write(t, file, "durable")
		must(t, file.Sync(), file.Close())
	}
	must(t, f.ForgetAllLogsButNewest())
	for _, name := range []string{"000002.log", "000004.log"} {
		must(t, disk.Remove("data/"+name))
		if got := damage(t, disk); got != "" {
			t.Errorf("without %s: %s", name, got)
		}
	}
	must(t, f.ForgetAllLogsButNewest(), f.Close()) // there is nothing left to forget
	flip(t, disk, "000003.log", 3)
	if got := damage(t, disk); !strings.Contains(got, "000003.log") {
		t.Errorf("damage of the newest log: %q", got)
	}
	flip(t, disk, "000003.log", 3)
	flip(t, disk, "MANIFEST-000001", 3)
	if got := damage(t, disk); !strings.Contains(got, "MANIFEST-000001") {
		t.Errorf("damage of the list of tables: %q", got)
	}
}
