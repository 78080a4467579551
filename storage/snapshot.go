package storage

import "context"

// SnapshotCache keeps states that were derived from streams, so that they need
// not be derived from the first event each time. It is a cache and nothing
// more: it may forget anything at any time, is never synced, and no answer may
// depend on what it holds (invariant I14).
//
// All methods are safe for concurrent use.
type SnapshotCache interface {
	// PutSnapshot keeps the snapshot, in place of one of the same stream and
	// version. The stream must have that version durably. Nothing of s is kept
	// by reference. An error leaves the cache as it was or forgets something.
	PutSnapshot(ctx context.Context, s Snapshot) error

	// FindSnapshot gives the snapshot with the highest version among those that
	// the query allows; false when there is none. The State is the caller's own.
	// What is damaged counts as absent: it is never served (I9).
	FindSnapshot(ctx context.Context, q SnapshotQuery) (Snapshot, bool, error)

	// DropSnapshots forgets all snapshots.
	DropSnapshots(ctx context.Context) error
}

// SnapshotsPerStream is the most snapshots that are kept of one stream: those
// of the highest versions.
const SnapshotsPerStream = 128

// SnapshotKey says by which rules a state was derived. Snapshots under another
// key are not seen.
type SnapshotKey [16]byte

// Snapshot is the state of a stream as of a version.
type Snapshot struct {
	// Stream and Version say of what: of the stream's events up to Version.
	Stream  string
	Version Version
	// Key says how it was derived.
	Key SnapshotKey
	// State is what was derived, in a form that only its maker knows.
	State []byte
}

// SnapshotQuery asks for the newest usable snapshot.
type SnapshotQuery struct {
	// Stream is the name.
	Stream string
	// NotAfter is the highest version allowed.
	NotAfter Version
	// Key is the one that a snapshot must have.
	Key SnapshotKey
}
