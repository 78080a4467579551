package sequencer

import "github.com/stet-db/stet/storage"

// Log is what the sequencer needs of an engine. The reading methods see
// everything applied so far, durable or not. They may be called concurrently
// with each other and with [Batch.Sync], but Begin and [Batch.Apply] are the
// writer's alone.
type Log interface {
	// Last is the last applied position and its recorded time; 0 and 0 when the
	// log is empty.
	Last() (storage.Position, storage.Instant, error)
	// LastStreamNumber is the highest stream number given.
	LastStreamNumber() (uint64, error)
	// Stream is the state of a stream; the zero state when it was never written.
	Stream(name string) (storage.StreamState, error)
	// Request is the row of a request id, expired or not.
	Request(id string) (storage.RequestRow, bool, error)
	// Requests is the number of rows of request ids.
	Requests() (uint64, error)
	// Stored tells whether the events of the stream after the given version are
	// exactly these, at contiguous positions and with one recorded time.
	Stored(stream uint64, after storage.Version, events []storage.NewEvent) (Found, error)
	// Ids are the ids of count events from position first on.
	IDs(first storage.Position, count uint64) ([]storage.EventID, storage.Instant, error)
	// Versions are the versions of the events at the positions.
	Versions(positions []storage.Position) ([]storage.Version, error)
	// Expired counts the request rows that have expired by now, up to a limit.
	Expired(now storage.Instant, limit uint64) (uint64, error)
	// Purge forgets at most limit request rows that have expired by now, without
	// a sync: a row that comes back after a crash is judged expired all the same.
	// It returns how many are left.
	Purge(now storage.Instant, limit int) (left uint64, purged int, err error)
	// Begin starts a batch.
	Begin() Batch
}

// Found is the place of events that were found stored.
type Found struct {
	// OK tells whether they were found.
	OK bool
	// First is the position of the first.
	First storage.Position
	// RecordedAt is the time they share.
	RecordedAt storage.Instant
}

// Batch gathers decided appends and makes them durable at once, all or none.
type Batch interface {
	// Put adds an event. first tells that it is the stream's first event.
	Put(p storage.Placed, first bool)
	// Remember adds the row of a request id; rows is the number of rows with it.
	Remember(id string, row storage.RequestRow, rows uint64)
	// Bytes is about how large the batch is.
	Bytes() int
	// Apply makes the batch visible to [Log], in the order of calls, without
	// waiting for the disk. After an error nothing more may be applied.
	Apply() error
	// Sync waits until the batch is durable, and releases it. An error means
	// that this is unknown.
	Sync() error
}
