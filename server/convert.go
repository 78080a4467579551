package server

import (
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/storage"
)

// expectationToProto is the expectation as clients state it.
func expectationToProto(e storage.Expectation) *stetv1.Expectation {
	state := stetv1.Expectation_STATE_UNSPECIFIED
	v, exact := e.Exact()
	switch {
	case exact && v > 0:
		return &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: uint64(v)}}
	case exact:
		state = stetv1.Expectation_STATE_NO_STREAM
	case e.IsAny():
		state = stetv1.Expectation_STATE_ANY
	case e.IsExists():
		state = stetv1.Expectation_STATE_EXISTS
	}
	return &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: state}}
}

// conflictsToProto are the failed expectations.
func conflictsToProto(e *storage.ConflictError) []*stetv1.Conflict {
	out := make([]*stetv1.Conflict, len(e.Conflicts))
	for i, c := range e.Conflicts {
		out[i] = &stetv1.Conflict{
			Stream:   c.Stream,
			Expected: expectationToProto(c.Expected),
			Actual:   uint64(c.Actual),
			Head:     uint64(e.Head),
		}
	}
	return out
}
