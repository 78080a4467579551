package server

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
)

// faults gathers what is wrong with a request, so that all of it is told at
// once.
type faults []storage.Violation

// add notes a problem with a field; an empty one is none.
func (f *faults) add(field, problem string) {
	if problem != "" {
		*f = append(*f, storage.Violation{Field: field, Problem: problem})
	}
}

// filter converts and checks a filter; nil passes everything.
func (f *faults) filter(in *stetv1.Filter, limits storage.Limits) storage.Filter {
	var out storage.Filter
	for _, item := range in.GetAnyOf() {
		out.AnyOf = append(out.AnyOf, storage.FilterItem{
			StreamPrefixes: item.GetStreamPrefixes(),
			Categories:     item.GetCategories(),
			Types:          item.GetTypes(),
			AllTags:        item.GetAllTags(),
		})
	}
	*f = append(*f, out.Validate("filter", limits)...)
	return out
}

// instant converts and checks a time; nil stays nil. Recorded times are whole
// microseconds, so a bound between two of them moves up to the next: both "at
// t or later" and "before t" stay true.
func (f *faults) instant(field string, in *timestamppb.Timestamp) *storage.Instant {
	switch {
	case in == nil:
		return nil
	case !in.IsValid():
		f.add(field, "is out of range; want seconds from 0001-01-01 to 9999-12-31 and nanos from 0 to 999,999,999")
		return nil
	}
	t := in.AsTime()
	at := storage.InstantOf(t)
	if t.Nanosecond()%int(time.Microsecond) != 0 {
		at++
	}
	return &at
}

// timestampOf is the instant as clients see it.
func timestampOf(at storage.Instant) *timestamppb.Timestamp { return timestamppb.New(at.Time()) }
