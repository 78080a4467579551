package aggregate

import (
	"sync"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/storage"
)

// maxTold bounds the handlers whose warnings are remembered as logged.
const maxTold = 4096

// toldOnce remembers what was logged.
type toldOnce struct {
	mu   sync.Mutex
	seen map[toldKey]struct{} // guarded by mu
}

// toldKey is one handler's operation under one specification.
type toldKey struct {
	rules storage.SnapshotKey
	event string
	path  string
}

// first is true once for each key, as long as there is room to remember it.
func (t *toldOnce) first(k toldKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[toldKey]struct{}{}
	}
	if _, ok := t.seen[k]; ok || len(t.seen) >= maxTold {
		return false
	}
	t.seen[k] = struct{}{}
	return true
}

// tell logs what handlers warned of, once for each operation.
func (s *Service) tell(t *ruledType, warnings []replay.Warning) {
	for i := range warnings {
		w := &warnings[i]
		if s.told.first(toldKey{t.key, w.Event, w.Path}) {
			s.o.Logger.Warn("a handler could not do an operation; it is skipped, here and wherever it happens again",
				"type", t.Name(), "event", w.Event, "operation", w.Path, "reason", w.Reason.String(), "problem", w.Problem)
		}
	}
}
