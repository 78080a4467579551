package storage

// StreamState is what the writer knows of a stream: everything applied to the
// log, durable or not. Only judging may use it; readers see no more than the
// durable head (invariant I7).
type StreamState struct {
	// Number is the stream's number in the index; 0: the stream has none yet.
	Number uint64
	// Version is the number of events ever written to it.
	Version Version
}

// RequestRow is what is remembered of an accepted request.
type RequestRow struct {
	// First is the position of the first event, Count the number of events.
	First Position
	Count uint64
	// Content is [Append.Content].
	Content [16]byte
	// Expiry is the first recorded time at which the row counts as absent.
	Expiry Instant
}

// Placed is an event with its decided place, on its way into the log.
type Placed struct {
	// Stream and Number name the stream.
	Stream string
	Number uint64
	// Version, Position and RecordedAt are the event's place.
	Version    Version
	Position   Position
	RecordedAt Instant
	// Event is what the client proposed.
	Event *NewEvent
}
