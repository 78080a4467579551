package server

import "sync/atomic"

// places bounds the calls of one sort.
type places struct {
	what, reason string
	taken        chan struct{} // has an element for each
	refused      atomic.Uint64
}

func newPlaces(what, reason string, limit int) *places {
	return &places{what: what, reason: reason, taken: make(chan struct{}, limit)}
}

// take takes a place until leave, or says that there is none.
func (p *places) take() error {
	select {
	case p.taken <- struct{}{}:
		return nil
	default:
		p.refused.Add(1)
		return &tooManyError{What: p.what, Reason: p.reason, Limit: cap(p.taken)}
	}
}

func (p *places) leave() { <-p.taken }
