package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/storagetest"
)

// subscriber is one subscription and what it has got so far.
type subscriber struct {
	t       testing.TB
	recv    func() (*stetv1.SubscribeResponse, error)
	cancel  context.CancelFunc
	started *stetv1.SubscribeResponse_Started
	events  []*stetv1.RecordedEvent
	cursor  uint64
	notices []string
}

// subscribe opens a subscription and takes its first message.
func (r *reading) subscribe(req *stetv1.SubscribeRequest) (*subscriber, error) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	r.t.Cleanup(cancel)
	stream, err := r.client.Subscribe(ctx, req)
	if err != nil {
		r.t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if first.GetStarted() == nil || len(first.GetEvents()) > 0 {
		r.t.Fatalf("the first message is %v", first)
	}
	return &subscriber{t: r.t, recv: stream.Recv, cancel: cancel, started: first.GetStarted(), cursor: first.GetStarted().GetCursor()}, nil
}

func (r *reading) mustSubscribe(req *stetv1.SubscribeRequest) *subscriber {
	r.t.Helper()
	s, err := r.subscribe(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// next takes one message and tells what it was: events, caught up and so on.
func (s *subscriber) next() string {
	s.t.Helper()
	kind, err := s.step(false)
	if err != nil {
		s.t.Fatal(err)
	}
	return kind
}

func (s *subscriber) step(byVersion bool) (string, error) {
	m, err := s.recv()
	if err != nil {
		return "", err
	}
	kind := "events"
	switch {
	case m.GetStarted() != nil:
		kind = "started"
	case m.GetCaughtUp() != nil:
		kind, s.cursor = "caught up", m.GetCaughtUp().GetCursor()
	case m.GetFellBehind() != nil:
		kind, s.cursor = "fell behind", m.GetFellBehind().GetCursor()
	case m.GetProgress() != nil:
		kind, s.cursor = "progress", m.GetProgress().GetCursor()
	case len(m.GetEvents()) > 0:
		last := m.GetEvents()[len(m.GetEvents())-1]
		s.events = append(s.events, m.GetEvents()...)
		s.cursor = last.GetPosition()
		if byVersion {
			s.cursor = last.GetVersion()
		}
	}
	if kind != "events" {
		s.notices = append(s.notices, kind)
	}
	return kind, nil
}

// expect takes messages and compares their kinds.
func (s *subscriber) expect(kinds ...string) {
	s.t.Helper()
	for i, want := range kinds {
		if got := s.next(); got != want {
			s.t.Fatalf("message %d is %s, want %s", i, got, want)
		}
	}
}

func inStream(name string) *stetv1.SubscribeRequest {
	return &stetv1.SubscribeRequest{Source: &stetv1.SubscribeRequest_Stream{Stream: name}}
}

func inCategory(name string) *stetv1.SubscribeRequest {
	return &stetv1.SubscribeRequest{Source: &stetv1.SubscribeRequest_Category{Category: name}}
}

func after(req *stetv1.SubscribeRequest, cursor uint64) *stetv1.SubscribeRequest {
	req.Start = &stetv1.SubscribeRequest_After{After: cursor}
	return req
}

// TestSubscriptionsStartAtOnceCatchUpAndGoLive begins on an empty store (S1.16,
// S3.16).
func TestSubscriptionsStartAtOnceCatchUpAndGoLive(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		s := r.mustSubscribe(&stetv1.SubscribeRequest{})
		if s.started.GetHistoryId() != store.Info().History.String() || s.started.GetHead() != 0 || s.started.GetStartPosition() != 0 {
			t.Fatalf("started %v", s.started)
		}
		s.expect("caught up")
		r.put(1, "Kept", 1, "a-1", "b-1")
		s.expect("events")
		r.put(2, "Kept", 1, "a-1")
		s.expect("events")
		if positions(s.events) != "1 2 3" {
			t.Fatalf("got %s", positions(s.events))
		}
	})
}

// TestSubscriptionsStartWhereAsked shows S2.10: a consumer replays from any
// position, version or time.
func TestSubscriptionsStartWhereAsked(t *testing.T) {
	at := func(us int64) *stetv1.SubscribeRequest_FromTime {
		return &stetv1.SubscribeRequest_FromTime{FromTime: timestamppb.New(time.UnixMicro(us))}
	}
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		for i := range 4 {
			r.put(storage.Instant(10*(i+1)), "Kept", 1, "a-1", "b-1") // positions 2i+1, 2i+2
		}
		history := store.Info().History.String()
		for name, c := range map[string]struct {
			req      *stetv1.SubscribeRequest
			position uint64
			cursor   uint64
			want     string
		}{
			"all":                 {&stetv1.SubscribeRequest{HistoryId: history}, 0, 0, "1 2 3 4 5 6 7 8"},
			"after":               {after(&stetv1.SubscribeRequest{}, 6), 6, 6, "7 8"},
			"after the end":       {after(&stetv1.SubscribeRequest{}, 8), 8, 8, ""},
			"from a time":         {&stetv1.SubscribeRequest{Start: at(30)}, 4, 4, "5 6 7 8"},
			"from a time to come": {&stetv1.SubscribeRequest{Start: at(50)}, 8, 8, ""},
			"from now":            {&stetv1.SubscribeRequest{Start: &stetv1.SubscribeRequest_FromNow{FromNow: true}}, 8, 8, ""},
			"a category":          {inCategory("b"), 0, 0, "2 4 6 8"},
			"a stream":            {inStream("b-1"), 0, 0, "2 4 6 8"},
			"a stream after":      {after(inStream("b-1"), 3), 6, 3, "8"},
		} {
			s := r.mustSubscribe(c.req)
			if s.started.GetStartPosition() != c.position || s.started.GetCursor() != c.cursor || s.started.GetHead() != 8 {
				t.Fatalf("%s: started %v", name, s.started)
			}
			for s.next() != "caught up" { // the events before
			}
			if got := positions(s.events); got != c.want {
				t.Fatalf("%s: got %s, want %s", name, got, c.want)
			}
			s.cancel()
		}
	})
}

func TestFromNowMeansAfterTheHeadOfTheFirstMessage(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		r.put(1, "Kept", 1, "a-1", "b-1")
		for _, req := range []*stetv1.SubscribeRequest{{}, inStream("a-1"), inStream("new-1")} {
			req.Start = &stetv1.SubscribeRequest_FromNow{FromNow: true}
			s := r.mustSubscribe(req)
			head := store.Head()
			r.put(2, "Kept", 1, "a-1", "new-1")
			for len(s.events) == 0 {
				s.next()
			}
			if s.started.GetHead() != uint64(head) || s.events[0].GetPosition() <= uint64(head) {
				t.Fatalf("started %v, first event %d", s.started, s.events[0].GetPosition())
			}
			s.cancel()
		}
	})
}

// sneaking is a store to which somebody appends while a subscription starts.
type sneaking struct {
	*storagetest.Model
	sneak func()
}

func (s *sneaking) Stream(ctx context.Context, name string, head storage.Position) (storage.StreamInfo, error) {
	s.sneak()
	return s.Model.Stream(ctx, name, head)
}

func TestFromNowMissesNothingAppendedWhileItStarts(t *testing.T) {
	store := &sneaking{Model: storagetest.NewModel()}
	r := startReading(t, store, server.ServiceOptions{})
	r.put(1, "Kept", 1, "a-1", "b-1")
	store.sneak = func() { r.put(2, "Kept", 1, "a-1") }
	req := inStream("a-1")
	req.Start = &stetv1.SubscribeRequest_FromNow{FromNow: true}
	s := r.mustSubscribe(req)
	for len(s.events) == 0 {
		s.next()
	}
	if s.started.GetHead() != 2 || positions(s.events) != "3" {
		t.Fatalf("started %v, got %s", s.started, positions(s.events))
	}
}

func TestSubscribeRefusesWhatItCannotMean(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		r.put(1, "Kept", 1, "a-1", "b-1", "a-1")
		other := storage.NewHistoryID().String()
		late := &timestamppb.Timestamp{Seconds: 1 << 40}
		invalid := func(fields ...string) func(*testing.T, error) {
			return func(t *testing.T, err error) {
				t.Helper()
				refused(t, err, codes.InvalidArgument, server.ReasonInvalidRequest, fields...)
			}
		}
		beyond := func(t *testing.T, err error) {
			t.Helper()
			refused(t, err, codes.OutOfRange, server.ReasonBeyondEnd)
		}
		changed := func(t *testing.T, err error) {
			t.Helper()
			refused(t, err, codes.FailedPrecondition, server.ReasonHistoryChanged)
		}
		for name, c := range map[string]struct {
			req  *stetv1.SubscribeRequest
			says func(*testing.T, error)
		}{
			"beyond the head":           {after(&stetv1.SubscribeRequest{}, 4), beyond},
			"beyond the stream":         {after(inStream("a-1"), 3), beyond},
			"beyond an unknown stream":  {after(inStream("c-1"), 1), beyond},
			"another history":           {&stetv1.SubscribeRequest{HistoryId: other}, changed},
			"another history and after": {after(&stetv1.SubscribeRequest{HistoryId: other}, 9), changed},
			"no history at all":         {&stetv1.SubscribeRequest{HistoryId: "x"}, changed},
			"an empty stream":           {inStream(""), invalid("stream")},
			"an empty category":         {inCategory(""), invalid("category")},
			"a category with a dash":    {inCategory("a-1"), invalid("category")},
			"a late time":               {&stetv1.SubscribeRequest{Start: &stetv1.SubscribeRequest_FromTime{FromTime: late}}, invalid("from_time")},
			"from now, false":           {&stetv1.SubscribeRequest{Start: &stetv1.SubscribeRequest_FromNow{}}, invalid("from_now")},
			"an empty filter item":      {&stetv1.SubscribeRequest{Filter: &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{{}}}}, invalid("filter.any_of[0]")},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := r.subscribe(c.req)
				c.says(t, err)
			})
		}
	})
}

func TestSubscriptionsAreBoundedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startReading(t, storagetest.NewModel(), server.ServiceOptions{Subscriptions: 2})
		first := r.mustSubscribe(&stetv1.SubscribeRequest{})
		r.mustSubscribe(&stetv1.SubscribeRequest{})
		_, err := r.subscribe(&stetv1.SubscribeRequest{})
		refused(t, err, codes.ResourceExhausted, server.ReasonTooManySubscriptions)
		first.cancel()
		synctest.Wait() // until the server has noticed
		r.mustSubscribe(&stetv1.SubscribeRequest{})
	})
}

// TestProgressComesFromTimeToTime: while nothing happens, and while only
// events come that do not pass.
func TestProgressComesFromTimeToTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startReading(t, storagetest.NewModel(), server.ServiceOptions{ProgressEvery: 5 * time.Second})
		s := r.mustSubscribe(&stetv1.SubscribeRequest{Filter: typeFilter("Kept")})
		s.expect("caught up")
		begin := time.Now()
		s.expect("progress", "progress")
		r.put(1, "Other", 1, "a-1")
		s.expect("progress")
		if took := time.Since(begin); took != 15*time.Second || s.cursor != 1 {
			t.Fatalf("three in %v, cursor %d", took, s.cursor)
		}
		r.put(1, "Kept", 1, "a-1")
		s.expect("events", "progress")
		if took := time.Since(begin); took != 20*time.Second || s.cursor != 2 {
			t.Fatalf("the fourth after %v, cursor %d", took, s.cursor)
		}
	})
}

// TestDrainingEndsSubscriptionsWithProgressAndAHint shows I11.
func TestDrainingEndsSubscriptionsWithProgressAndAHint(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{ProgressEvery: time.Hour})
		r.put(1, "Kept", 1, "a-1", "b-1", "a-1")
		all, one := r.mustSubscribe(&stetv1.SubscribeRequest{}), r.mustSubscribe(inStream("a-1"))
		for _, s := range []*subscriber{all, one} {
			s.expect("events", "caught up")
		}
		r.service.Drain()
		for s, cursor := range map[*subscriber]uint64{all: 3, one: 2} {
			s.expect("progress")
			if s.cursor != cursor {
				t.Fatalf("the last cursor is %d, want %d", s.cursor, cursor)
			}
			_, err := s.recv()
			refused(t, err, codes.Unavailable, server.ReasonShuttingDown)
			if !slices.ContainsFunc(status.Convert(err).Details(), func(d any) bool {
				hint, ok := d.(*errdetails.RetryInfo)
				return ok && hint.GetRetryDelay().AsDuration() > 0
			}) {
				t.Fatal("no hint when to try again")
			}
		}
		// Who comes too late hears the same.
		late, err := r.subscribe(&stetv1.SubscribeRequest{})
		for err == nil {
			_, err = late.step(false)
		}
		refused(t, err, codes.Unavailable, server.ReasonShuttingDown)
	})
}

// TestASubscriberThatDoesNotReadDelaysNoWriterAndLosesNothing shows I6 and I10
// through gRPC: the subscriber sleeps while the log outgrows every buffer, and
// then gets everything once, in order.
func TestASubscriberThatDoesNotReadDelaysNoWriterAndLosesNothing(t *testing.T) {
	const appends = 800
	for name, store := range map[string]storage.Store{
		"model":    storagetest.NewModelWith(storagetest.ModelOptions{TailGroups: 2}),
		"embedded": openEmbedded(t, embedded.Options{TailBytes: 64 << 10}),
	} {
		t.Run(name, func(t *testing.T) {
			r := startReading(t, store, server.ServiceOptions{})
			s := r.mustSubscribe(&stetv1.SubscribeRequest{})
			s.expect("caught up")
			for range appends {
				r.put(1, "Kept", 5_000, "a-1", "b-1")
			}
			for len(s.events) < 2*appends || s.notices[len(s.notices)-1] != "caught up" {
				s.next()
			}
			for i, e := range s.events {
				if e.GetPosition() != uint64(i+1) {
					t.Fatalf("event %d is at position %d", i, e.GetPosition())
				}
			}
			if !slices.Contains(s.notices, "fell behind") {
				t.Fatalf("notices %v", s.notices)
			}
		})
	}
}

// TestCutSubscriptionsResumeWithoutGapOrDuplicate shows I6 and S2.18 over real calls:
// while writers append, subscribers of every sort are cut at random moments
// and resume after the last cursor they know.
func TestCutSubscriptionsResumeWithoutGapOrDuplicate(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := startReading(t, store, server.ServiceOptions{ProgressEvery: 10 * time.Millisecond})
		const appends = 300
		requests := map[string]func() *stetv1.SubscribeRequest{
			"all":              func() *stetv1.SubscribeRequest { return &stetv1.SubscribeRequest{} },
			"category":         func() *stetv1.SubscribeRequest { return inCategory("b") },
			"stream":           func() *stetv1.SubscribeRequest { return inStream("a-1") },
			"type":             func() *stetv1.SubscribeRequest { return &stetv1.SubscribeRequest{Filter: typeFilter("Kept")} },
			"type of a stream": func() *stetv1.SubscribeRequest { req := inStream("a-1"); req.Filter = typeFilter("Kept"); return req },
		}
		var got sync.Map
		var group sync.WaitGroup
		for name, request := range requests {
			rng := rand.New(rand.NewPCG(seed, uint64(len(name))))
			group.Go(func() { got.Store(name, r.followWithCuts(rng, request, 2*appends)) })
		}
		for i := range appends {
			r.put(1, []string{"Kept", "Other"}[i%2], 100, "a-1", fmt.Sprintf("b-%d", i%5))
		}
		group.Wait()
		for name, request := range requests {
			want := r.expectedBy(request())
			if have, _ := got.Load(name); have != want {
				t.Errorf("seed %d: %s: got %v, want %s", seed, name, have, want)
			}
		}
	})
}

// followWithCuts gives the positions delivered over several calls, until all
// of the log up to total was looked at.
func (r *reading) followWithCuts(rng *rand.Rand, request func() *stetv1.SubscribeRequest, total uint64) string {
	var events []*stetv1.RecordedEvent
	cursor, scanned := uint64(0), uint64(0)
	byVersion := request().GetStream() != ""
	for scanned < total {
		ctx, cancel := context.WithCancel(r.t.Context())
		stream, err := r.client.Subscribe(ctx, after(request(), cursor))
		if err != nil {
			r.t.Error(err)
		}
		s := &subscriber{t: r.t, cursor: cursor, recv: func() (*stetv1.SubscribeResponse, error) {
			m, err := stream.Recv()
			scanned = max(scanned, m.GetProgress().GetScannedTo())
			return m, err
		}}
		for cutAfter := 1 + rng.IntN(20); cutAfter > 0 && scanned < total; cutAfter-- {
			if _, err := s.step(byVersion); err != nil {
				r.t.Error(err)
				cancel()
				return "failed"
			}
		}
		cancel()
		events, cursor = append(events, s.events...), s.cursor
	}
	return positions(events)
}

// expectedBy reads what a subscription should have delivered.
func (r *reading) expectedBy(req *stetv1.SubscribeRequest) string {
	r.t.Helper()
	if name := req.GetStream(); name != "" {
		got, err := r.stream(&stetv1.ReadStreamRequest{Stream: name, Filter: req.GetFilter()})
		if err != nil {
			r.t.Fatal(err)
		}
		return positions(got.events)
	}
	filter := req.GetFilter()
	if category := req.GetCategory(); category != "" {
		filter = &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{{Categories: []string{category}}}}
	}
	got, err := r.all(&stetv1.ReadAllRequest{Filter: filter})
	if err != nil {
		r.t.Fatal(err)
	}
	return positions(got.events)
}
