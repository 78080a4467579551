package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record/recordtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKeysAreAsDocumented(t *testing.T) {
	newYear := storage.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	documented := map[string][]byte{
		"key-event":        keys.AppendEvent(nil, 42),
		"key-index":        keys.AppendIndex(nil, 3, 5),
		"key-name":         keys.AppendName(nil, "order-7"),
		"key-request":      keys.AppendRequest(nil, "import-1"),
		"key-expiry":       keys.AppendExpiry(nil, newYear, "import-1"),
		"key-expiry-early": keys.AppendExpiry(nil, -1, "r"),
		"key-snapshot":     keys.AppendSnapshot(nil, 3, 5),
		"key-meta":         keys.Meta("format"),
	}
	for name, golden := range recordtest.Goldens(t) {
		if !strings.HasPrefix(name, "key-") {
			continue
		}
		if !bytes.Equal(documented[name], golden) {
			t.Errorf("%s is written as %x, documented as %x", name, documented[name], golden)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/format.md has no block %q", name)
	}
}

// decoders read a key of each space and write it again.
var decoders = map[byte]func(key []byte) ([]byte, error){
	'e': func(key []byte) ([]byte, error) {
		p, err := keys.Event(key)
		return keys.AppendEvent(nil, p), err
	},
	's': func(key []byte) ([]byte, error) {
		stream, v, err := keys.Index(key)
		return keys.AppendIndex(nil, stream, v), err
	},
	'c': func(key []byte) ([]byte, error) {
		stream, v, err := keys.Snapshot(key)
		return keys.AppendSnapshot(nil, stream, v), err
	},
	'n': func(key []byte) ([]byte, error) {
		name, err := keys.Name(key)
		return keys.AppendName(nil, name), err
	},
	'q': func(key []byte) ([]byte, error) {
		id, err := keys.Request(key)
		return keys.AppendRequest(nil, id), err
	},
	'x': func(key []byte) ([]byte, error) {
		at, id, err := keys.Expiry(key)
		return keys.AppendExpiry(nil, at, id), err
	},
	'm': func(key []byte) ([]byte, error) {
		name, err := keys.MetaName(key)
		return keys.Meta(string(name)), err
	},
}

func wantCorruption(t *testing.T, what string, err error) {
	t.Helper()
	var corruption *storage.CorruptionError
	if !errors.As(err, &corruption) {
		t.Errorf("%s: want a CorruptionError, got %v", what, err)
	}
}

func TestDecodersTakeNothingButKeysOfTheirSpace(t *testing.T) {
	valid := map[byte][]byte{
		'e': keys.AppendEvent(nil, 1), 's': keys.AppendIndex(nil, 1, 2), 'c': keys.AppendSnapshot(nil, 1, 2), 'n': keys.AppendName(nil, "a"),
		'q': keys.AppendRequest(nil, "a"), 'x': keys.AppendExpiry(nil, 1, "a"), 'm': keys.Meta("a"),
	}
	for prefix, decode := range decoders {
		key := valid[prefix]
		if again, err := decode(key); err != nil || !bytes.Equal(again, key) {
			t.Errorf("%x is read as %x, %v", key, again, err)
		}
		for i := range key {
			_, err := decode(key[:i])
			wantCorruption(t, fmt.Sprintf("%x", key[:i]), err)
		}
		_, err := decode(append([]byte{prefix + 100}, key[1:]...))
		wantCorruption(t, "another prefix", err)
		if prefix == 'e' || prefix == 's' || prefix == 'c' {
			_, err := decode(append(key, 0))
			wantCorruption(t, "a key too long", err)
		}
	}
}

var numbers = []uint64{0, 1, 2, 127, 128, 255, 256, 65535, 65536, 1 << 32, 1<<63 - 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}

func TestTheOrderOfBytesIsTheOrderOfNumbers(t *testing.T) {
	for i, a := range numbers {
		for j, b := range numbers {
			if got := bytes.Compare(keys.AppendEvent(nil, storage.Position(a)), keys.AppendEvent(nil, storage.Position(b))); got != sign(i-j) {
				t.Errorf("events %d and %d are in order %d", a, b, got)
			}
			x, y := keys.AppendIndex(nil, a, storage.Version(b)), keys.AppendIndex(nil, b, storage.Version(a))
			if got := bytes.Compare(x, y); got != sign(i-j) {
				t.Errorf("versions (%d, %d) and (%d, %d) are in order %d", a, b, b, a, got)
			}
			// Instants are signed: half of these numbers are below zero.
			at, other := storage.Instant(a), storage.Instant(b)
			want := sign(0)
			if at != other {
				want = 1
				if at < other {
					want = -1
				}
			}
			if got := bytes.Compare(keys.AppendExpiry(nil, at, "r"), keys.AppendExpiry(nil, other, "r")); got != want {
				t.Errorf("expiries %d and %d are in order %d", at, other, got)
			}
		}
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

func inside(key, lower, upper []byte) bool {
	return bytes.Compare(lower, key) <= 0 && bytes.Compare(key, upper) < 0
}

func TestBoundsEncloseTheirSpaceAndNothingElse(t *testing.T) {
	ends := func(prefix byte) [][]byte {
		ones := bytes.Repeat([]byte{0xff}, 600)
		return [][]byte{{prefix}, {prefix, 0}, append([]byte{prefix}, ones...)}
	}
	spaces := map[byte]func() (lower, upper []byte){
		'e': keys.EventBounds, 's': keys.IndexBounds, 'n': keys.NameBounds, 'q': keys.RequestBounds,
		'x': keys.ExpiryBounds, 'c': keys.SnapshotBounds, 'm': keys.MetaBounds,
	}
	for prefix, bounds := range spaces {
		lower, upper := bounds()
		for other := range 256 {
			for _, key := range ends(byte(other)) {
				if got := inside(key, lower, upper); got != (byte(other) == prefix) {
					t.Errorf("%.8x within the bounds of %q: %v", key, prefix, got)
				}
			}
		}
	}
}

func TestBoundsOfAStreamEncloseAllItsVersions(t *testing.T) {
	for _, stream := range numbers {
		for name, space := range map[string]struct {
			bounds func(uint64) (lower, upper []byte)
			key    func([]byte, uint64, storage.Version) []byte
		}{
			"index":    {keys.StreamBounds, keys.AppendIndex},
			"snapshot": {keys.StreamSnapshotBounds, keys.AppendSnapshot},
		} {
			lower, upper := space.bounds(stream)
			for _, other := range numbers {
				for _, v := range numbers {
					key := space.key(nil, other, storage.Version(v))
					if got := inside(key, lower, upper); got != (other == stream) {
						t.Errorf("%s (%d, %d) within the bounds of %d: %v", name, other, v, stream, got)
					}
				}
			}
		}
	}
}

func TestBoundsOfAPrefixEncloseTheNamesThatBeginWithIt(t *testing.T) {
	names := []string{"a", "a-", "a-1", "a.", "ab", "b", "$", "$a", "\xff", "\xff\xff", "\xff\xff\x01", "\xfe\xff", "é", "\U0010ffff"}
	for _, prefix := range slices.Concat([]string{""}, names) {
		lower, upper := keys.NamePrefixBounds(prefix)
		for _, name := range names {
			if got, want := inside(keys.AppendName(nil, name), lower, upper), strings.HasPrefix(name, prefix); got != want {
				t.Errorf("%q within the bounds of %q: %v", name, prefix, got)
			}
		}
		if inside(keys.AppendRequest(nil, "a"), lower, upper) || inside(keys.Meta("z"), lower, upper) {
			t.Errorf("another space is within the bounds of %q", prefix)
		}
	}
}

func TestEncodersKeepWhatIsThereAndAllocateNothing(t *testing.T) {
	dst := append(make([]byte, 0, 64), "kept"...)
	id := []byte("request")
	for name, encode := range map[string]func() []byte{
		"event":    func() []byte { return keys.AppendEvent(dst, 1) },
		"index":    func() []byte { return keys.AppendIndex(dst, 1, 2) },
		"snapshot": func() []byte { return keys.AppendSnapshot(dst, 1, 2) },
		"name":     func() []byte { return keys.AppendName(dst, "order-7") },
		"request":  func() []byte { return keys.AppendRequest(dst, id) },
		"expiry":   func() []byte { return keys.AppendExpiry(dst, 1, id) },
	} {
		if !bytes.HasPrefix(encode(), dst) {
			t.Errorf("%s writes over what was there", name)
		}
		if n := testing.AllocsPerRun(100, func() { encode() }); n != 0 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func BenchmarkAppendIndex(b *testing.B) {
	dst := make([]byte, 0, 17)
	b.ReportAllocs()
	for b.Loop() {
		dst = keys.AppendIndex(dst[:0], 7, 9)
	}
}
