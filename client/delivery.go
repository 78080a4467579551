package client

import (
	"time"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Subscription says what to follow and from where.
type Subscription struct {
	// Stream or Category to follow; neither: the whole log. A stream need not
	// exist yet.
	Stream, Category string
	// Filter chooses events.
	Filter Filter

	// After is the cursor to go on after, as [Delivery].Cursor gave it; 0: from
	// the beginning.
	After uint64
	// FromTime starts with the first event recorded then or later.
	FromTime time.Time
	// FromNow starts with the first event appended after the head that the first
	// delivery names. At most one of After, FromTime and FromNow may be set.
	FromNow bool
	// HistoryID is the history that After belongs to, as [Delivery].HistoryID
	// gave it. Empty: not checked at the start.
	HistoryID string
}

// Kind tells what a [Delivery] is.
type Kind uint8

// The kinds of deliveries.
const (
	// KindEvent carries an event.
	KindEvent Kind = iota + 1
	// KindStarted opens the subscription, and comes again after each
	// reconnection.
	KindStarted
	// KindCaughtUp says that everything up to Head was delivered; what follows
	// is live.
	KindCaughtUp
	// KindFellBehind says that this subscriber was too slow for the server's
	// memory of newest events. Nothing is lost; KindCaughtUp follows in time.
	KindFellBehind
	// KindProgress comes from time to time.
	KindProgress
	// KindInterrupted says that the connection broke, with the reason in Err,
	// and that the subscription is about to be resumed.
	KindInterrupted
)

// String is the kind's name, for example "caught up".
func (k Kind) String() string {
	switch k {
	case KindEvent:
		return "event"
	case KindStarted:
		return "started"
	case KindCaughtUp:
		return "caught up"
	case KindFellBehind:
		return "fell behind"
	case KindProgress:
		return "progress"
	case KindInterrupted:
		return "interrupted"
	default:
		return "unknown"
	}
}

// Delivery is an event, or a notice about the subscription.
type Delivery struct {
	// Kind tells which.
	Kind Kind
	// Event is set for KindEvent.
	Event *stetv1.RecordedEvent
	// Cursor is what to store after this delivery was handled, and to resume
	// after: a version when following one stream, else a position.
	Cursor uint64
	// HistoryID is the identity of the log, to be stored beside Cursor. Empty
	// before the first KindStarted.
	HistoryID string
	// Head is the log's head as the newest notice told it, 0 before the first:
	// how far there is to go.
	Head uint64
	// ScannedTo is the position up to which the log has been looked at, for
	// KindProgress.
	ScannedTo uint64
	// Err is why the connection broke, for KindInterrupted.
	Err error
}

func (s *Subscription) validate(faults *faults) {
	faults.text("stream", s.Stream)
	faults.text("category", s.Category)
	faults.text("history_id", s.HistoryID)
	if s.Stream != "" && s.Category != "" {
		faults.add("category", "is set together with stream; give one of them, or neither for the whole log")
	}
	starts := 0
	for _, set := range []bool{s.After > 0, !s.FromTime.IsZero(), s.FromNow} {
		if set {
			starts++
		}
	}
	if starts > 1 {
		faults.add("start", "is given more than once; give one of after, from_time and from_now")
	}
}

// request asks for what follows: after the cursor once it is known, else from
// where the subscription says.
func (s *Subscription) request(filter *stetv1.Filter, placed bool, cursor uint64, history string) *stetv1.SubscribeRequest {
	m := &stetv1.SubscribeRequest{Filter: filter, HistoryId: history}
	switch {
	case s.Stream != "":
		m.Source = &stetv1.SubscribeRequest_Stream{Stream: s.Stream}
	case s.Category != "":
		m.Source = &stetv1.SubscribeRequest_Category{Category: s.Category}
	}
	switch {
	case placed:
		m.Start = &stetv1.SubscribeRequest_After{After: cursor}
	case s.FromNow:
		m.Start = &stetv1.SubscribeRequest_FromNow{FromNow: true}
	case !s.FromTime.IsZero():
		m.Start = &stetv1.SubscribeRequest_FromTime{FromTime: timestamp(s.FromTime)}
	}
	return m
}
