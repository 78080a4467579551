package keys_test

import (
	"bytes"
	"cmp"
	"testing"

	"github.com/stet-db/stet/internal/prooftest"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
)

// FuzzDecode: what a decoder takes, its encoder makes again byte for byte, and
// each key belongs to one decoder at most.
func FuzzDecode(f *testing.F) {
	z := prooftest.Target(f)
	z.Add([]byte{})
	z.Add(keys.AppendEvent(nil, 42))
	z.Add(keys.AppendIndex(nil, 3, 5))
	z.Add(keys.AppendSnapshot(nil, 3, 5))
	z.Add(keys.AppendName(nil, "order-7"))
	z.Add(keys.AppendRequest(nil, "r"))
	z.Add(keys.AppendExpiry(nil, -1, "r"))
	z.Add(keys.Meta("format"))
	z.Run(func(t *testing.T, key []byte) {
		for prefix, decode := range decoders {
			again, err := decode(key)
			if err != nil {
				continue
			}
			if key[0] != prefix || !bytes.Equal(again, key) {
				t.Errorf("%x is taken for a key of %q and written again as %x", key, prefix, again)
			}
		}
	})
}

// FuzzOrder: keys are in the order of what they are made of, and are read back.
func FuzzOrder(f *testing.F) {
	z := prooftest.Target(f)
	z.Add(uint64(0), uint64(1), "a", uint64(1), uint64(0), "b")
	z.Add(uint64(1)<<63, uint64(5), "", uint64(1)<<63-1, uint64(5), "\x00")
	z.Run(func(t *testing.T, a1, a2 uint64, a3 string, b1, b2 uint64, b3 string) {
		check := func(what string, a, b []byte, want int) {
			if got := bytes.Compare(a, b); got != want {
				t.Errorf("%s: %x and %x are in order %d, want %d", what, a, b, got, want)
			}
		}
		check("event", keys.AppendEvent(nil, storage.Position(a1)), keys.AppendEvent(nil, storage.Position(b1)), cmp.Compare(a1, b1))
		pairs := cmp.Or(cmp.Compare(a1, b1), cmp.Compare(a2, b2))
		check("index", keys.AppendIndex(nil, a1, storage.Version(a2)), keys.AppendIndex(nil, b1, storage.Version(b2)), pairs)
		check("snapshot", keys.AppendSnapshot(nil, a1, storage.Version(a2)), keys.AppendSnapshot(nil, b1, storage.Version(b2)), pairs)
		check("name", keys.AppendName(nil, a3), keys.AppendName(nil, b3), cmp.Compare(a3, b3))
		check("request", keys.AppendRequest(nil, a3), keys.AppendRequest(nil, b3), cmp.Compare(a3, b3))
		expiries := cmp.Or(cmp.Compare(int64(a1), int64(b1)), cmp.Compare(a3, b3))
		x := keys.AppendExpiry(nil, storage.Instant(a1), a3)
		check("expiry", x, keys.AppendExpiry(nil, storage.Instant(b1), b3), expiries)
		if at, id, err := keys.Expiry(x); a3 != "" && (err != nil || at != storage.Instant(a1) || string(id) != a3) {
			t.Errorf("expiry %d %q is read as %d %q, %v", int64(a1), a3, at, id, err)
		}
		if stream, v, err := keys.Index(keys.AppendIndex(nil, a1, storage.Version(a2))); err != nil || stream != a1 || v != storage.Version(a2) {
			t.Errorf("(%d, %d) is read as (%d, %d), %v", a1, a2, stream, v, err)
		}
	})
}
