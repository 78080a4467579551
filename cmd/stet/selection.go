package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/stet-db/stet/client"
)

// selection chooses events.
type selection struct {
	types, tags, categories, prefixes, correlations []string
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.types, "type", nil, "only events of this `TYPE` (repeat: one of these)")
	f.StringArrayVar(&s.tags, "tag", nil, "only events that carry this `TAG` (repeat: all of these)")
	f.StringArrayVar(&s.correlations, "correlation-id", nil, "only events with this correlation `ID` in their metadata (repeat: one of these)")
}

func (s *selection) streamFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.categories, "category", nil, "only streams of this `CATEGORY`, their name before the first dash (repeat: one of these)")
	f.StringArrayVar(&s.prefixes, "prefix", nil, "only streams whose names begin with this `TEXT` (repeat: one of these)")
}

func (s *selection) filter() client.Filter {
	if len(s.types)+len(s.tags)+len(s.categories)+len(s.prefixes)+len(s.correlations) == 0 {
		return nil
	}
	return client.Filter{{Types: s.types, AllTags: s.tags, Categories: s.categories, StreamPrefixes: s.prefixes, CorrelationIDs: s.correlations}}
}

// moment is a flag that holds a time.
type moment struct{ time.Time }

// String, Set and Type are those of pflag.Value.
func (m *moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339Nano)
}

// Set reads a time with its zone, or a date, which means its first instant in
// UTC.
func (m *moment) Set(s string) error {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.IsZero() {
				return fmt.Errorf("%q stands for no time; leave it out", s)
			}
			m.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; want one such as 2026-01-02T03:04:05Z or 2026-01-02", s)
}

// Type names what Set wants.
func (m *moment) Type() string { return "TIME" }
