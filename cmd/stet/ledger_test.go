package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/stet-db/stet/client"
)

// place is where an acknowledged event must be, and with what content.
type place struct {
	stream            string
	version, position uint64
	content           [sha256.Size]byte
}

// ledger is what was acknowledged, by the event's name. It is kept outside the
// server's process, so nothing that happens to that one changes it.
type ledger struct {
	mu      sync.Mutex
	more    *sync.Cond // on mu: acked has grown, or nothing more comes
	acked   map[string]place
	refused []error // what the server answered instead
	loading bool
}

func newLedger() *ledger {
	l := &ledger{acked: make(map[string]place)}
	l.more = sync.NewCond(&l.mu)
	return l
}

// change changes the ledger and wakes who waits for it.
func (l *ledger) change(how func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	how()
	l.more.Broadcast()
}

// await returns when so many more are acknowledged, or when the load has ended.
func (l *ledger) await(more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for target := len(l.acked) + more; len(l.acked) < target && l.loading; {
		l.more.Wait()
	}
}

// awaitRefused does so for refusals.
func (l *ledger) awaitRefused(more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for target := len(l.refused) + more; len(l.refused) < target && l.loading; {
		l.more.Wait()
	}
}

// payload is the JSON of an event: its name, and as many other bytes as rnd
// says, mostly few.
func payload(rnd *rand.Rand, name string) string {
	size := rnd.IntN(64)
	if rnd.IntN(16) == 0 {
		size = rnd.IntN(16 << 10)
	}
	var pad strings.Builder
	for range size {
		pad.WriteByte('a' + byte(rnd.IntN(26)))
	}
	return fmt.Sprintf(`{"name":%q,"pad":%q}`, name, pad.String())
}

// load appends through pipelines until ctx ends or the server is gone, and
// keeps the ledger. An append without an answer may or may not be there.
func (l *ledger) load(ctx context.Context, addr string, seed uint64, run int) error {
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		return err
	}
	var pipes sync.WaitGroup
	for w := range 4 {
		pipes.Go(func() {
			p, err := api.Pipeline(ctx, client.PipelineOptions{})
			if err != nil {
				return
			}
			rnd := rand.New(rand.NewPCG(seed, uint64(run*4+w)))
			var waiting sync.WaitGroup
			for i := 0; ; i++ {
				stream := fmt.Sprintf("load-%d", (w+i)%7)
				name := fmt.Sprintf("%d/%d/%d", run, w, i)
				text := payload(rnd, name)
				r, err := p.Append(ctx, client.Append{
					Stream: stream, Expect: client.AnyVersion(), Events: []client.Event{{Type: "Loaded", JSON: text}},
				})
				if err != nil {
					break
				}
				waiting.Go(func() {
					at, err := r.Wait(context.Background())
					l.change(func() {
						if err != nil {
							l.refused = append(l.refused, err)
							return
						}
						l.acked[name] = place{stream, at.FirstVersion, at.FirstPosition, sha256.Sum256([]byte(text))}
					})
				})
			}
			_ = p.Close() // it breaks on purpose
			waiting.Wait()
		})
	}
	pipes.Wait()
	return api.Close()
}

// audit is what a log has of what a ledger knows.
type audit struct {
	events int
	// lost are acknowledged events that are not at their place with their
	// content, wrong what must not be in any log (I1, I2).
	lost, wrong []string
}

// audit reads the whole log and compares it with what is acknowledged now.
func (l *ledger) audit(addr string) (audit, error) {
	var a audit
	l.mu.Lock()
	acked := maps.Clone(l.acked)
	l.mu.Unlock()
	api, err := client.Dial(addr, client.Options{})
	if err != nil {
		return a, err
	}
	found := make(map[string]place)
	versions := make(map[string]uint64)
	last := uint64(0)
	for e, err := range api.ReadAll(context.Background(), client.LogRead{}) {
		if err != nil {
			return a, errors.Join(err, api.Close())
		}
		var named struct{ Name, Pad string }
		if err := json.Unmarshal([]byte(e.GetJson()), &named); err != nil {
			a.wrong = append(a.wrong, fmt.Sprintf("position %d has %q: %v", e.GetPosition(), e.GetJson(), err))
		}
		if _, twice := found[named.Name]; twice {
			a.wrong = append(a.wrong, named.Name+" is there twice")
		}
		if e.GetPosition() != last+1 || e.GetVersion() != versions[e.GetStream()]+1 {
			a.wrong = append(a.wrong, fmt.Sprintf("position %d, version %d of %s follow %d and %d",
				e.GetPosition(), e.GetVersion(), e.GetStream(), last, versions[e.GetStream()]))
		}
		last, versions[e.GetStream()] = e.GetPosition(), e.GetVersion()
		found[named.Name] = place{e.GetStream(), e.GetVersion(), e.GetPosition(), sha256.Sum256([]byte(e.GetJson()))}
	}
	for name, want := range acked {
		if got := found[name]; got != want {
			a.lost = append(a.lost, fmt.Sprintf("%s was acknowledged at %s version %d position %d, and there is %s version %d position %d",
				name, want.stream, want.version, want.position, got.stream, got.version, got.position))
		}
	}
	a.events = len(found)
	return a, api.Close()
}
