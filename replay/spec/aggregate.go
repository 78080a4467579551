package spec

import (
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// Type is a type of aggregates. It is immutable.
type Type struct {
	name          string
	events        []*Event
	byName        map[string]*Event
	snapshotEvery int
	uuid          bool
	hash          [16]byte
}

// Name of the type, which is also the category of its streams.
func (t *Type) Name() string { return t.name }

// Event is the event of this name.
func (t *Type) Event(name string) (*Event, bool) {
	e, ok := t.byName[name]
	return e, ok
}

// Events are all events of the type, in their order in the text.
func (t *Type) Events() []*Event { return slices.Clone(t.events) }

// SnapshotEvery is the number of events after which a snapshot is made; 0 when
// none is.
func (t *Type) SnapshotEvery() int { return t.snapshotEvery }

// Hash tells two states of one type's part of the specification apart: what
// was derived under another hash is not to be used. It depends on the part's
// values, not on white space, and on [tick.Version].
func (t *Type) Hash() [16]byte { return t.hash }

// Stream is the name of the stream of the aggregate with this id, which is as
// [Type.CheckID] gave it.
func (t *Type) Stream(id string) string { return t.name + "-" + id }

// hashOf has a line for each thing that a state depends on.
func hashOf(name string, part value.Value) [16]byte {
	text := make([]byte, 0, 256+part.Size())
	text = append(text, "stet aggregate type\n"...)
	text = strconv.AppendInt(text, tick.Version, 10)
	text = append(text, '\n')
	text = append(text, name...)
	text = append(text, '\n')
	sum := sha256.Sum256(part.AppendJSON(text))
	return [16]byte(sum[:])
}
