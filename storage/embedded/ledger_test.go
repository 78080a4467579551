package embedded

import (
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/stet-db/stet/storage"
)

// proposal is an append that a test has made up. Its events' ids lead back to it.
type proposal struct {
	append *storage.Append
	// repeatable: sent again, it must never be written twice.
	repeatable bool
	events     int
	firstID    uint64
}

// proposals are all that were ever made up in one chain of lives.
type proposals struct {
	mu   sync.Mutex
	all  []*proposal
	byID map[storage.EventID]placeInProposal
	ids  uint64
}

type placeInProposal struct {
	of    *proposal
	entry int
	event int // among those of the entry
	index int // among all
}

// ack is an answer that a caller has got.
type ack struct {
	of       *proposal
	appended storage.Appended
}

// sight is an event that a reader has got.
type sight struct {
	position storage.Position
	sum      uint64
}

// implied is what an answer told about a stream.
type implied struct {
	stream  string
	version storage.Version
}

// knowledge is what the world outside of the store knows of it, and what a
// crash must therefore not take back. Its slices are only ever appended to, so
// that a copy of it is what was known then.
type knowledge struct {
	acks    []ack
	sights  []sight
	implied []implied
	// absent are appends that were refused, and never sent again.
	absent []*proposal
	head   storage.Position
}

// ledger gathers knowledge while a store is in use.
type ledger struct {
	mu   sync.Mutex
	know knowledge
	// problems are answers that contradict each other.
	problems []string
}

func newLedger(k knowledge) *ledger {
	// A copy is never appended to in place: others may hold the same slices.
	k.acks, k.sights, k.implied, k.absent = slices.Clip(k.acks), slices.Clip(k.sights), slices.Clip(k.implied), slices.Clip(k.absent)
	return &ledger{know: k}
}

// snapshot is everything known by now.
func (l *ledger) snapshot() knowledge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.know
}

func (l *ledger) acked(p *proposal, a storage.Appended) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if got, want := int(a.Last-a.First)+1, p.events; got != want {
		l.problems = append(l.problems, fmt.Sprintf("an answer is about %d events, want %d", got, want))
	}
	l.know.acks = append(l.know.acks, ack{p, a})
	l.know.head = max(l.know.head, a.Last)
}

func (l *ledger) refused(p *proposal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.know.absent = append(l.know.absent, p)
}

func (l *ledger) saw(p storage.Position, wire []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.know.sights = append(l.know.sights, sight{p, maphash.Bytes(sumSeed, wire)})
	l.know.head = max(l.know.head, p)
}

func (l *ledger) told(stream string, v storage.Version, head storage.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.know.implied = append(l.know.implied, implied{stream, v})
	l.know.head = max(l.know.head, head)
}

func (l *ledger) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// allProblems are those by now.
func (l *ledger) allProblems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.problems)
}

var sumSeed = maphash.MakeSeed()
