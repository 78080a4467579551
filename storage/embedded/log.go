package embedded

import (
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/pebblestore"
	"github.com/stet-db/stet/storage/sequencer"
)

// log fits the engine to the sequencer's port; neither knows the other.
type log struct{ *pebblestore.DB }

func (l log) Begin() sequencer.Batch { return l.DB.Begin() }

func (l log) Stored(stream uint64, after storage.Version, events []storage.NewEvent) (sequencer.Found, error) {
	first, at, ok, err := l.DB.Stored(stream, after, events)
	return sequencer.Found{OK: ok, First: first, RecordedAt: at}, err
}
