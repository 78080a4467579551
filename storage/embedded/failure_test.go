package embedded

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/stet-db/stet/internal/disktest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// syncFaults holds back or fails the syncs of the engine's log of changes.
type syncFaults struct {
	armed   atomic.Bool
	entered chan struct{}
	leave   chan error
}

var errInjected = errors.New("injected: the disk does not answer")

func (f *syncFaults) String() string { return "sync faults" }

func (f *syncFaults) MaybeError(op errorfs.Op) error {
	isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	if !f.armed.Load() || !isSync || !strings.HasSuffix(op.Path, ".log") {
		return nil
	}
	f.entered <- struct{}{}
	return <-f.leave
}

func testAppend(t testing.TB, stream string, e storage.Expectation) *storage.Append {
	t.Helper()
	ev, violations := record.NewEventOf(&storage.Event{Type: "Tested", Kind: storage.PayloadJSON, Payload: []byte(`{}`)}, storage.Limits{}.WithDefaults())
	if violations != nil {
		t.Fatal(violations)
	}
	ev.ID = storage.EventID{1}
	return &storage.Append{Entries: []storage.Entry{{Stream: stream, Expectation: e, Events: []storage.NewEvent{ev}}}, Time: 1}
}

// I7: while the sync runs, the engine can already read the events; nobody else
// may. Then the sync fails (S8 of the issue): the caller learns that the outcome
// is unknown, nothing was shown, and what is reopened from the disk is clean.
func TestNothingIsShownOfACommitWhoseSyncFails(t *testing.T) {
	mem := vfs.NewCrashableMem()
	faults := &syncFaults{entered: make(chan struct{}, 16), leave: make(chan error)}
	fatal := make(chan error, 1)
	s, err := Open("data", Options{
		FS:             errorfs.Wrap(disktest.Clonable{MemFS: mem}, faults),
		Fatal:          func(err error) { fatal <- err },
		DiskFloorBytes: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := s.Append(ctx, testAppend(t, "a-1", storage.ExpectNoStream())); err != nil {
		t.Fatal(err)
	}
	faults.armed.Store(true)
	answered := make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, testAppend(t, "a-2", storage.ExpectNoStream()))
		answered <- err
	}()
	<-faults.entered
	shownOnlyFirst(t, s)
	faults.leave <- errInjected

	var unknown *storage.OutcomeUnknownError
	if err := <-answered; !errors.As(err, &unknown) {
		t.Errorf("the waiting caller got %v", err)
	}
	if err := <-fatal; err == nil {
		t.Error("the failure was not reported")
	}
	shownOnlyFirst(t, s)
	if _, err := s.Append(ctx, testAppend(t, "a-3", storage.ExpectAny())); !errors.As(err, &unknown) {
		t.Errorf("an append after the failure: %v", err)
	}
	// Writing even a cache could make durable what is unknown.
	if err := s.PutSnapshot(ctx, storage.Snapshot{Stream: "a-1", Version: 1}); !errors.As(err, &unknown) {
		t.Errorf("a snapshot after the failure: %v", err)
	}
	if err := s.DropSnapshots(ctx); !errors.As(err, &unknown) {
		t.Errorf("dropping snapshots after the failure: %v", err)
	}
	if err := s.Close(); !errors.As(err, &unknown) {
		t.Errorf("closing after the failure: %v", err)
	}
	disk := mem.CrashClone(vfs.CrashCloneCfg{})
	// Only the test closes the engine, so that its goroutines end; its disk is
	// no longer looked at.
	faults.armed.Store(false)
	_ = s.db.Close() // may fail, since its log did

	reopened, err := Open("data", Options{FS: disk, DiskFloorBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	shownOnlyFirst(t, reopened)
	if err := reopened.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(ctx, "data", Options{FS: disk}, nil)
	if err != nil || len(report.Problems) != 0 || report.Events != 1 {
		t.Errorf("verifying: %+v, %v", report, err)
	}
}

// shownOnlyFirst looks through every window for the second event.
func shownOnlyFirst(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	if s.Head() != 1 {
		t.Errorf("head is %d", s.Head())
	}
	n := 0
	for r, err := range s.ReadAll(ctx, storage.AllRange{}) {
		if n++; err != nil || r.Position != 1 {
			t.Errorf("read all: position %d, %v", r.Position, err)
		}
	}
	if n != 1 {
		t.Errorf("read all gives %d events", n)
	}
	if g, ok := s.Tail(1); ok {
		t.Errorf("the tail shows %d to %d", g.First, g.Last)
	}
	var notFound *storage.StreamNotFoundError
	if _, err := s.Stream(ctx, "a-2", s.Head()); !errors.As(err, &notFound) {
		t.Errorf("stream a-2: %v", err)
	}
	list, err := s.Streams(ctx, storage.StreamsQuery{Limit: 10, Head: s.Head()})
	if err != nil || len(list) != 1 {
		t.Errorf("streams: %v, %v", list, err)
	}
}
