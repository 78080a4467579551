package client

import "github.com/google/uuid"

// identify makes an append recognisable, by request id or by event ids.
func (c *Client) identify(a *Append) {
	if a.RequestID == "" && !c.options.NoRequestIDs {
		a.RequestID = uuid.NewString()
	}
	if a.RequestID == "" {
		a.Events = withIDs(a.Expect, a.Events)
	}
}

func (c *Client) identifyAtomic(a *AtomicAppend) {
	if a.RequestID == "" && !c.options.NoRequestIDs {
		a.RequestID = uuid.NewString()
	}
	for i := range a.Entries {
		if e := &a.Entries[i]; a.RequestID == "" {
			e.Events = withIDs(e.Expect, e.Events)
		}
	}
}

// withIDs gives ids to the events that have none, in a copy, where they help.
func withIDs(expect Expectation, events []Event) []Event {
	if _, exact := expect.Version(); !exact || hasIDs(events) {
		return events
	}
	out := append([]Event(nil), events...)
	for i := range out {
		if out[i].ID != "" {
			continue
		}
		id, err := uuid.NewV7()
		if err != nil {
			return events // no randomness: the server makes the ids, the append is not repeated
		}
		out[i].ID = id.String()
	}
	return out
}

func hasIDs(events []Event) bool {
	for i := range events {
		if events[i].ID == "" {
			return false
		}
	}
	return true
}

// recognised tells whether the server would know a repetition without a request
// id. An entry without events would be judged anew, so it is not.
func recognised(entries []Entry) bool {
	for _, e := range entries {
		if _, exact := e.Expect.Version(); !exact || len(e.Events) == 0 || !hasIDs(e.Events) {
			return false
		}
	}
	return true
}
