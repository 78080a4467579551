package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The standard sizes of an event.
const (
	StandardJSONBytes     = 256
	StandardMetadataBytes = 64
)

// payloadVariety is how many different events there are: enough that no system
// gains by their likeness, few enough to stay in the processor's cache.
const payloadVariety = 512

// Payload makes the events of a run, the same ones for the same seed.
// Immutable.
type Payload struct {
	// JSONBytes and MetadataBytes are the sizes of each event's data and of its
	// metadata, keys and values.
	JSONBytes, MetadataBytes int
	events                   []Event
}

// NewPayload prepares events of these sizes.
func NewPayload(jsonBytes, metadataBytes int, seed uint64) (*Payload, error) {
	if least := len(dataOf(rand.New(rand.NewPCG(1, 1)), 0)); jsonBytes < least || jsonBytes > 1<<20 { //nolint:gosec // load, not secrets
		return nil, fmt.Errorf("payload of %d bytes of JSON: want %d to %d", jsonBytes, least, 1<<20)
	}
	if metadataBytes != 0 && metadataBytes < 8 || metadataBytes > 8<<10 {
		return nil, fmt.Errorf("payload with %d bytes of metadata: want 0, or 8 to %d", metadataBytes, 8<<10)
	}
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // load, not secrets
	p := &Payload{JSONBytes: jsonBytes, MetadataBytes: metadataBytes, events: make([]Event, 2*payloadVariety)}
	for i := range payloadVariety {
		p.events[i] = Event{Type: "OrderPlaced", JSON: dataOf(random, jsonBytes), Metadata: metadataOf(random, metadataBytes)}
	}
	copy(p.events[payloadVariety:], p.events)
	return p, nil
}

// Events are n events, beginning with number i. They must not be changed.
func (p *Payload) Events(i, n int) []Event {
	if n <= payloadVariety {
		i %= payloadVariety
		return p.events[i : i+n : i+n]
	}
	out := make([]Event, n)
	for k := range out {
		out[k] = p.events[(i+k)%payloadVariety]
	}
	return out
}

// dataOf is a JSON object of size bytes: an id, numbers, and words.
func dataOf(random *rand.Rand, size int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"order":"%016x","customer":%d,"amount":%d,"note":"`, random.Uint64(), 1e5+random.IntN(9e5), 1e4+random.IntN(9e4))
	b.WriteString(letters(random, size-b.Len()-2))
	b.WriteString(`"}`)
	return b.String()
}

// metadataOf are entries of size bytes, keys and values.
func metadataOf(random *rand.Rand, size int) map[string]string {
	const id = len("correlation_id") + 36
	switch {
	case size == 0:
		return nil
	case size < id+8:
		return map[string]string{"actor": letters(random, size-len("actor"))}
	}
	a, b := random.Uint64(), random.Uint64()
	return map[string]string{
		"correlation_id": fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(a), uint16(a>>32), uint16(a>>48), uint16(b), b>>16),
		"actor":          letters(random, size-id-len("actor")),
	}
}

// letters are n letters that compress about as well as short words do.
func letters(random *rand.Rand, n int) string {
	const alphabet = "etaoinshrdlucmfw etaoin shrdlu ETAOIN_0123456789"
	out := make([]byte, max(n, 0))
	for i := range out {
		out[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(out)
}
