package value_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// The strings, numbers and keys of a long text are copied in pieces: wherever a
// piece ends, what is read is what stands there.
func TestALongTextIsReadAsItStands(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	word := func() string { return strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(40)) }
	for range 200 {
		var b strings.Builder
		b.WriteString(`[`)
		for i := range 20 + rng.IntN(200) {
			if i > 0 {
				b.WriteString(",")
			}
			switch rng.IntN(5) {
			case 0:
				fmt.Fprintf(&b, `"%s"`, strings.Repeat("x", rng.IntN(3000)))
			case 1:
				fmt.Fprintf(&b, `{"%s":%d.%d,"k\\%s":"\"%s"}`, word(), rng.Int64(), rng.IntN(1000), word(), word())
			case 2:
				fmt.Fprintf(&b, `{"":"%s"}`, word())
			default:
				fmt.Fprintf(&b, `"%s"`, word())
			}
		}
		b.WriteString(`]`)
		if got := parse(t, b.String()).String(); got != b.String() {
			t.Fatalf("got %s\nwant %s", got, b.String())
		}
	}
}
