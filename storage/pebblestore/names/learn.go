package names

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/stet-db/stet/internal/mutant"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/pebblestore/rows"
)

// learnAtOnce bounds a pass of learning: some ten milliseconds.
const learnAtOnce = 20_000

// learning is how far the filter has been filled with names that were there.
type learning struct {
	// next is the key to go on from; empty: nothing was learned yet.
	next []byte
	// streams is how many there were at the beginning; their numbers are 1 to
	// that. met is how many of their names have been met.
	streams, met uint64
}

// Learn learns some of the names that the log has, in order; [Names.Add] is told
// of what is written meanwhile. Call it until it is done, one call at a time:
// then a name without a row needs no search. A log with so many streams that the
// filter would be of no use is left alone. lastNumber gives the highest number of
// a stream.
//
// After an error, too, it is done: then every name goes on to need a search. It
// is a [*storage.CorruptionError] when there are not as many names as streams.
func (n *Names) Learn(log pebble.Reader, lastNumber func() (uint64, error)) (done bool, err error) {
	l := &n.learning
	lower, upper := keys.NameBounds()
	if l.next != nil {
		lower = l.next
	} else if l.streams, err = lastNumber(); err != nil || l.streams > filterNames {
		return true, err
	}
	it, err := log.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return true, fmt.Errorf("iterate names: %w", err)
	}
	l.next, err = n.learn(it)
	if err = errors.Join(err, it.Close()); err != nil || l.next != nil {
		return err != nil, err
	}
	if l.met != l.streams {
		return true, &storage.CorruptionError{Where: "the names of streams", Detail: fmt.Sprintf("are %d for %d streams", l.met, l.streams)}
	}
	n.learned.Store(true)
	return true, nil
}

// learn adds the next names to the filter and returns the key of the one to go
// on from; nil: these were the last, unless closing the iterator tells otherwise.
func (n *Names) learn(it *pebble.Iterator) (next []byte, err error) {
	seen := 0
	for ok := it.First(); ok; ok = it.Next() {
		if seen++; seen > learnAtOnce {
			return slices.Clone(it.Key()), nil
		}
		key, err := keys.Name(it.Key())
		if err != nil {
			return nil, err
		}
		name := string(key)
		row, err := rows.ParseName(name, it.Value())
		if err != nil {
			return nil, err
		}
		if row.Number <= n.learning.streams {
			n.learning.met++
		}
		if !mutant.On(mutant.NamesHalfLearned) || seen%2 == 0 {
			n.filter.add(name)
		}
	}
	return nil, nil
}
