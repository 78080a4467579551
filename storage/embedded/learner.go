package embedded

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/stet-db/stet/storage/pebblestore"
)

// learner lets the engine learn the names of all streams: the first some
// thousand before the store is open, the others beside everything else.
type learner struct {
	db     *pebblestore.DB
	logger *slog.Logger

	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (l *learner) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	if !l.learn() {
		l.done.Go(func() { l.learnLoop(ctx) })
	}
}

func (l *learner) stop() {
	l.cancel()
	l.done.Wait()
}

// learnLoop works half of the time, so that a large log has answers for whoever
// comes at once.
func (l *learner) learnLoop(ctx context.Context) {
	for {
		began := time.Now()
		if l.learn() {
			return
		}
		select {
		case <-time.After(time.Since(began)):
		case <-ctx.Done():
			return
		}
	}
}

// learn tells whether there is no more to learn.
func (l *learner) learn() bool {
	done, err := l.db.LearnNames()
	if err != nil {
		l.logger.Error("the names of streams could not be read; new streams cost a search each", "error", err)
	}
	return done
}
