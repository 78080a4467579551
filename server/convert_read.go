package server

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server/convert"
	"github.com/stet-db/stet/storage"
)

// faults gathers what is wrong with a request, so that all of it is told at
// once.
type faults convert.Faults

// add notes a problem with a field; an empty one is none.
func (f *faults) add(field, problem string) { (*convert.Faults)(f).Add(field, problem) }

// filter converts and checks a filter; nil passes everything.
func (f *faults) filter(in *stetv1.Filter, limits storage.Limits) storage.Filter {
	var out storage.Filter
	for _, item := range in.GetAnyOf() {
		out.AnyOf = append(out.AnyOf, storage.FilterItem{
			StreamPrefixes: item.GetStreamPrefixes(),
			Categories:     item.GetCategories(),
			Types:          item.GetTypes(),
			AllTags:        item.GetAllTags(),
			CorrelationIDs: item.GetCorrelationIds(),
		})
	}
	*f = append(*f, out.Validate("filter", limits)...)
	return out
}

// instant converts and checks a time, as [convert.Faults.Instant] does.
func (f *faults) instant(field string, in *timestamppb.Timestamp) *storage.Instant {
	return (*convert.Faults)(f).Instant(field, in)
}
