package convert

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stet-db/stet/storage"
)

// Faults gathers what is wrong with a request, so that all of it is told at
// once. The zero value has none.
type Faults []storage.Violation

// Add notes a problem with a field; an empty one is none.
func (f *Faults) Add(field, problem string) {
	if problem != "" {
		*f = append(*f, storage.Violation{Field: field, Problem: problem})
	}
}

// Instant converts and checks a time; nil stays nil, and a time out of range is
// noted and gives nil. Recorded times are whole microseconds, so a bound between
// two of them moves up to the next: both "at t or later" and "before t" stay
// true.
func (f *Faults) Instant(field string, in *timestamppb.Timestamp) *storage.Instant {
	switch {
	case in == nil:
		return nil
	case !in.IsValid():
		f.Add(field, "is out of range; want seconds from 0001-01-01 to 9999-12-31 and nanos from 0 to 999,999,999")
		return nil
	}
	t := in.AsTime()
	at := storage.InstantOf(t)
	if t.Nanosecond()%int(time.Microsecond) != 0 {
		at++
	}
	return &at
}

// Timestamp is the instant as clients see it.
func Timestamp(at storage.Instant) *timestamppb.Timestamp { return timestamppb.New(at.Time()) }
