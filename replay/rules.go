package replay

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
)

// Version is raised whenever the fold would make another state of the same
// events and handlers.
const Version = 1

// Rules are what the fold has to know of an aggregate type. They are immutable.
type Rules struct {
	// Type is the name of the aggregate type.
	Type string
	// Handlers by the type of the event. An event without one is skipped.
	Handlers map[string]Handler
	// Limits of one event; zero: the defaults.
	Limits tick.Limits
}

// Handler is what the events of one type do.
type Handler struct {
	// Program changes the state; nil: nothing is changed.
	Program *tick.Program
	// Version is the present schema version, from 1.
	Version uint32
	// Upcast gives the data of an event of another schema version in its
	// present form, as well as that can be done. It is asked only for versions
	// other than Version; nil: there is only one form.
	Upcast func(data value.Value, from uint32) (value.Value, []tick.Warning)
}

// SnapshotKey is the key of states that are derived under a type's part of a
// specification with this hash.
func SnapshotKey(typeHash []byte) storage.SnapshotKey {
	h := sha256.New()
	var versions [16]byte
	binary.BigEndian.PutUint64(versions[:8], Version)
	binary.BigEndian.PutUint64(versions[8:], tick.Version)
	h.Write(versions[:]) // never fails, by the contract of hash.Hash
	h.Write(typeHash)
	return storage.SnapshotKey(h.Sum(nil)[:16])
}
