package server_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
)

// answer is what ReadAllResponse and ReadStreamResponse share.
type answer interface {
	proto.Message
	GetEvents() []*stetv1.RecordedEvent
	GetScannedTo() uint64
	GetHead() uint64
	GetDone() bool
}

// read is all of one answer.
type read struct {
	events             []*stetv1.RecordedEvent
	scannedTo, head    uint64
	messages, progress int
	biggest            int
	// streamVersion is of the answers about one stream.
	streamVersion uint64
}

// collect receives an answer to its end and checks what holds for each: done
// in the last message and only there, a fixed head, scanned_to moving one way.
func collect[A answer](t testing.TB, backwards bool, recv func() (A, error)) (read, error) {
	t.Helper()
	var r read
	done := false
	for {
		m, err := recv()
		if errors.Is(err, io.EOF) {
			if !done {
				t.Fatal("the answer ended without done")
			}
			return r, nil
		}
		if err != nil {
			return r, err
		}
		if done {
			t.Fatal("a message after done")
		}
		if r.messages > 0 && (m.GetHead() != r.head || !backwards && m.GetScannedTo() < r.scannedTo || backwards && m.GetScannedTo() > r.scannedTo) {
			t.Fatalf("head %d, then %d; scanned to %d, then %d", r.head, m.GetHead(), r.scannedTo, m.GetScannedTo())
		}
		if one, ok := any(m).(*stetv1.ReadStreamResponse); ok {
			if r.messages > 0 && one.GetStreamVersion() != r.streamVersion {
				t.Fatalf("stream version %d, then %d", r.streamVersion, one.GetStreamVersion())
			}
			r.streamVersion = one.GetStreamVersion()
		}
		if size := proto.Size(m); size > 32<<10 && len(m.GetEvents()) > 1 {
			t.Fatalf("a message of %d bytes with %d events", size, len(m.GetEvents()))
		}
		if len(m.GetEvents()) == 0 && !m.GetDone() {
			r.progress++
		}
		r.events = append(r.events, m.GetEvents()...)
		r.scannedTo, r.head, done = m.GetScannedTo(), m.GetHead(), m.GetDone()
		r.biggest = max(r.biggest, proto.Size(m))
		r.messages++
	}
}

func (r *reading) all(req *stetv1.ReadAllRequest) (read, error) {
	r.t.Helper()
	stream, err := r.client.ReadAll(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return collect(r.t, req.GetBackwards(), stream.Recv)
}

func (r *reading) stream(req *stetv1.ReadStreamRequest) (read, error) {
	r.t.Helper()
	stream, err := r.client.ReadStream(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return collect(r.t, req.GetBackwards(), stream.Recv)
}

// question is a read in the words shared by both calls.
type question struct {
	from, limit         uint64
	fromTime, untilTime *timestamppb.Timestamp
	backwards           bool
	filter              *stetv1.Filter
}

// expected answers a question by the plain words of the proto, from all events
// in order, each with its number.
func (q question) expected(all []*stetv1.RecordedEvent, number func(*stetv1.RecordedEvent) uint64) (out []*stetv1.RecordedEvent, scannedTo uint64) {
	last := uint64(len(all))
	lowest, highest := uint64(1), last
	if q.from != 0 && q.backwards {
		highest = min(last, q.from)
	} else if q.from != 0 {
		lowest = q.from
	}
	for _, e := range all {
		at := e.GetRecordedAt().AsTime()
		if q.fromTime != nil && at.Before(q.fromTime.AsTime()) {
			lowest = max(lowest, number(e)+1)
		}
		if q.untilTime != nil && !at.Before(q.untilTime.AsTime()) {
			highest = min(highest, number(e)-1)
		}
	}
	scannedTo = highest
	if q.backwards {
		all = slices.Clone(all)
		slices.Reverse(all)
		scannedTo = min(lowest, highest)
	}
	for _, e := range all {
		if n := number(e); n >= lowest && n <= highest && takes(q.filter, e) {
			out = append(out, e)
			if uint64(len(out)) == q.limit {
				return out, n
			}
		}
	}
	return out, scannedTo
}

// takes knows the kinds of filter that the tests use.
func takes(f *stetv1.Filter, e *stetv1.RecordedEvent) bool {
	for _, item := range f.GetAnyOf() {
		category, _, _ := strings.Cut(e.GetStream(), "-")
		if (item.Types == nil || slices.Contains(item.Types, e.GetType())) &&
			(item.Categories == nil || slices.Contains(item.Categories, category)) &&
			(item.CorrelationIds == nil || slices.Contains(item.CorrelationIds, e.GetMetadata()["correlation_id"])) &&
			(item.AllTags == nil || slices.Contains(e.GetTags(), item.AllTags[0])) {
			return true
		}
	}
	return len(f.GetAnyOf()) == 0
}

func filters() []*stetv1.Filter {
	return []*stetv1.Filter{
		nil,
		{AnyOf: []*stetv1.Filter_Item{{Types: []string{"Kept"}}}},
		{AnyOf: []*stetv1.Filter_Item{{AllTags: []string{"third:2"}, Categories: []string{"a"}}}},
		{AnyOf: []*stetv1.Filter_Item{{CorrelationIds: []string{"third:0", "third:2"}, Types: []string{"Kept"}}}},
	}
}

// questions are all combinations around the bounds of a range of 9 numbers
// recorded at 10, 10, 20, 20, 30 and so on.
func questions() []question {
	micros := func(us int64, nanos int) *timestamppb.Timestamp {
		return timestamppb.New(time.UnixMicro(us).Add(time.Duration(nanos)))
	}
	times := []*timestamppb.Timestamp{nil, micros(-1e9, 0), micros(10, 0), micros(10, 1), micros(20, 0), micros(29, 999), micros(50, 0), micros(51, 0)}
	var out []question
	for _, from := range []uint64{0, 1, 2, 5, 8, 9, 10, 11, 1<<64 - 1} {
		for _, limit := range []uint64{0, 1, 2, 9, 10} {
			for i, fromTime := range times {
				untilTime := times[(i*3+int(from%16+limit))%len(times)]
				for _, backwards := range []bool{false, true} {
					for _, filter := range filters() {
						out = append(out, question{from, limit, fromTime, untilTime, backwards, filter})
					}
				}
			}
		}
	}
	return out
}

// TestReadsAnswerEveryQuestionAsThePlainWordsSay goes through ranges, limits,
// times, filters and directions (S1.9; S3.9 by stream, type and time).
func TestReadsAnswerEveryQuestionAsThePlainWordsSay(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		for i := range 9 {
			r.put(storage.Instant(10+i/2*10), []string{"Kept", "Other"}[i%2], 5, "a-1")
		}
		everything, err := r.all(&stetv1.ReadAllRequest{})
		if err != nil || len(everything.events) != 9 {
			t.Fatal(everything, err)
		}
		for _, q := range questions() {
			byPosition, err := r.all(&stetv1.ReadAllRequest{
				FromPosition: q.from, Limit: q.limit, FromTime: q.fromTime, UntilTime: q.untilTime, Backwards: q.backwards, Filter: q.filter,
			})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, q, byPosition, everything.events, (*stetv1.RecordedEvent).GetPosition)
			byVersion, err := r.stream(&stetv1.ReadStreamRequest{
				Stream: "a-1", FromVersion: q.from, Limit: q.limit, FromTime: q.fromTime, UntilTime: q.untilTime, Backwards: q.backwards, Filter: q.filter,
			})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, q, byVersion, everything.events, (*stetv1.RecordedEvent).GetVersion)
			if byVersion.streamVersion != 9 {
				t.Fatalf("%+v: stream version %d, want 9", q, byVersion.streamVersion)
			}
		}
	})
}

func compare(t *testing.T, q question, got read, all []*stetv1.RecordedEvent, number func(*stetv1.RecordedEvent) uint64) {
	t.Helper()
	want, scannedTo := q.expected(all, number)
	if !slices.EqualFunc(got.events, want, func(a, b *stetv1.RecordedEvent) bool { return proto.Equal(a, b) }) {
		t.Fatalf("%+v: got %v, want %v", q, got.events, want)
	}
	if got.scannedTo != scannedTo || got.head != 9 {
		t.Fatalf("%+v: scanned to %d, head %d, want %d, 9", q, got.scannedTo, got.head, scannedTo)
	}
}

// TestReadsOfManyBatchesGiveEveryEventOnce uses pages, passes and events that
// are larger than a message.
func TestReadsOfManyBatchesGiveEveryEventOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		for i := range 600 {
			size := 100 + i%700
			if i%100 == 50 {
				size = 50_000
			}
			r.put(storage.Instant(i), "Kept", size, "a-1", fmt.Sprintf("b-%d", i))
		}
		for _, backwards := range []bool{false, true} {
			all, err := r.all(&stetv1.ReadAllRequest{Backwards: backwards})
			if err != nil {
				t.Fatal(err)
			}
			one, err := r.stream(&stetv1.ReadStreamRequest{Stream: "a-1", Backwards: backwards})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 1200 {
				if at := place(i, 1200, backwards); all.events[i].GetPosition() != at {
					t.Fatalf("event %d is at position %d, want %d", i, all.events[i].GetPosition(), at)
				}
				if at := place(i, 600, backwards); i < 600 && one.events[i].GetVersion() != at {
					t.Fatalf("event %d has version %d, want %d", i, one.events[i].GetVersion(), at)
				}
			}
			if one.streamVersion != 600 {
				t.Fatalf("stream version %d, want 600", one.streamVersion)
			}
			if len(all.events) != 1200 || len(one.events) != 600 || all.biggest < 50_000 || all.messages < 20 {
				t.Fatalf("%d and %d events, %d messages, the biggest of %d", len(all.events), len(one.events), all.messages, all.biggest)
			}
		}
	})
}

// place is the number of event i of n.
func place(i, n int, backwards bool) uint64 {
	if backwards {
		return uint64(n - i)
	}
	return uint64(i + 1)
}

// TestReadAllLeavesTheServersStreamsOutUnlessNamed also holds for categories.
func TestReadAllLeavesTheServersStreamsOutUnlessNamed(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		r.put(1, "Kept", 1, "a-1", "$s-1", "a-1")
		for want, item := range map[string]*stetv1.Filter_Item{
			"1 3":   {Types: []string{"Kept"}},
			"2":     {Categories: []string{"$s"}},
			"1 2 3": {StreamPrefixes: []string{"$", "a"}},
		} {
			got, err := r.all(&stetv1.ReadAllRequest{Filter: &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{item}}})
			if err != nil || positions(got.events) != want {
				t.Fatalf("%v: got %s, %v, want %s", item, positions(got.events), err, want)
			}
		}
		if got, err := r.all(&stetv1.ReadAllRequest{}); err != nil || positions(got.events) != "1 3" || got.scannedTo != 3 {
			t.Fatalf("got %s to %d, %v", positions(got.events), got.scannedTo, err)
		}
		if got, err := r.stream(&stetv1.ReadStreamRequest{Stream: "$s-1"}); err != nil || positions(got.events) != "2" {
			t.Fatalf("got %s, %v", positions(got.events), err)
		}
	})
}

func positions(events []*stetv1.RecordedEvent) string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprint(e.GetPosition()))
	}
	return strings.Join(out, " ")
}

func TestReadsOfNothingSayDone(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		for _, backwards := range []bool{false, true} {
			got, err := r.all(&stetv1.ReadAllRequest{Backwards: backwards})
			if err != nil || got.messages != 1 || got.scannedTo != 0 || got.head != 0 {
				t.Fatalf("got %+v, %v", got, err)
			}
		}
		_, err := r.stream(&stetv1.ReadStreamRequest{Stream: "a-1"})
		refused(t, err, codes.NotFound, server.ReasonStreamNotFound)
	})
}

// latecomer gets its first event as soon as somebody was told its head.
type latecomer struct {
	storage.Store
	first func()
}

func (l *latecomer) Head() storage.Position {
	head := l.Store.Head()
	l.first()
	return head
}

// TestAReadOfAnEmptyLogShowsNothingThatComesMeanwhile: that it sees nothing must
// not be taken for no bound at all (I7).
func TestAReadOfAnEmptyLogShowsNothingThatComesMeanwhile(t *testing.T) {
	for name, ask := range map[string]*stetv1.ReadStreamRequest{
		"forwards": {}, "backwards": {Backwards: true}, "by time": {FromTime: timestamppb.New(time.UnixMicro(1))},
	} {
		t.Run(name, func(t *testing.T) {
			onEachStore(t, func(t *testing.T, store storage.Store) {
				late := &latecomer{Store: store}
				r := startReading(t, late, server.ServiceOptions{})
				late.first = sync.OnceFunc(func() { r.put(1, "Kept", 1, "a-1") })
				ask.Stream = "a-1"
				if got, err := r.stream(ask); err == nil {
					t.Fatalf("the answer, which is of head %d, has %d events", got.head, len(got.events))
				} else {
					refused(t, err, codes.NotFound, server.ReasonStreamNotFound)
				}
				if got, err := r.stream(ask); err != nil || len(got.events) != 1 || got.head != 1 {
					t.Fatalf("then got %+v, %v", got, err)
				}
			})
		})
	}
}

func TestReadsRefuseWhatTheyCannotMean(t *testing.T) {
	r := startReading(t, openEmbedded(t, embedded.Options{}), server.ServiceOptions{})
	late := &timestamppb.Timestamp{Seconds: 253402300800}
	nanos := &timestamppb.Timestamp{Nanos: 1_000_000_000}
	empty := &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{{}}}
	long := strings.Repeat("a", 513)
	for name, c := range map[string]struct {
		req    proto.Message
		fields []string
	}{
		"no stream":             {&stetv1.ReadStreamRequest{}, []string{"stream"}},
		"a long stream":         {&stetv1.ReadStreamRequest{Stream: long}, []string{"stream"}},
		"a control character":   {&stetv1.ReadStreamRequest{Stream: "a\x00"}, []string{"stream"}},
		"seconds out of range":  {&stetv1.ReadStreamRequest{Stream: "a", FromTime: late}, []string{"from_time"}},
		"nanos out of range":    {&stetv1.ReadAllRequest{UntilTime: nanos}, []string{"until_time"}},
		"an empty filter item":  {&stetv1.ReadAllRequest{Filter: empty}, []string{"filter.any_of[0]"}},
		"everything wrong":      {&stetv1.ReadStreamRequest{FromTime: late, UntilTime: nanos, Filter: empty}, []string{"stream", "filter.any_of[0]", "from_time", "until_time"}},
		"a filter too long":     {&stetv1.ReadAllRequest{Filter: typeFilter(strings.Repeat("t", 257))}, []string{"filter.any_of[0].types[0]"}},
		"a filter just so long": {&stetv1.ReadAllRequest{Filter: typeFilter(strings.Repeat("t", 256))}, nil},
		"a stream just so long": {&stetv1.ReadStreamRequest{Stream: long[:512]}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			switch req := c.req.(type) {
			case *stetv1.ReadAllRequest:
				_, err = r.all(req)
			case *stetv1.ReadStreamRequest:
				_, err = r.stream(req)
			}
			switch {
			case c.fields != nil:
				refused(t, err, codes.InvalidArgument, server.ReasonInvalidRequest, c.fields...)
			case err != nil:
				if _, isStream := c.req.(*stetv1.ReadStreamRequest); !isStream {
					t.Fatal(err)
				}
				refused(t, err, codes.NotFound, server.ReasonStreamNotFound)
			}
		})
	}
}

func typeFilter(types ...string) *stetv1.Filter {
	return &stetv1.Filter{AnyOf: []*stetv1.Filter_Item{{Types: types}}}
}
