package record_test

import (
	"bytes"
	"testing"

	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/keys"
	"github.com/stet-db/stet/storage/record"
)

// mustDetect wants damage to be reported, and nothing to be served (I9).
func mustDetect(t *testing.T, what string, key, value []byte) {
	t.Helper()
	wire, err := record.Unseal(key, value)
	if !isCorruption(err) || wire != nil {
		t.Errorf("%s: Unseal gives %x, %v", what, wire, err)
	}
}

// I9: damage of a stored event is detected, whatever it is.
func TestEveryChangeOfASealedEventIsDetected(t *testing.T) {
	for _, s := range samples(t) {
		wire, key := s.wire(t), keys.AppendEvent(nil, s.place.p)
		sealed := record.AppendSealed([]byte("kept"), key, wire)
		if !bytes.HasPrefix(sealed, []byte("kept")) {
			t.Fatal("what was there is lost")
		}
		sealed = sealed[len("kept"):]
		if len(sealed) != record.SealedSize(wire) {
			t.Errorf("SealedSize says %d, there are %d bytes", record.SealedSize(wire), len(sealed))
		}
		if opened, err := record.Unseal(key, sealed); err != nil || !bytes.Equal(opened, wire) {
			t.Fatalf("the seal opens to %x, %v", opened, err)
		}
		for n := range sealed {
			mustDetect(t, "cut at the end", key, sealed[:n])
			mustDetect(t, "cut at the beginning", key, sealed[n+1:])
		}
		for bit := range len(sealed) * 8 {
			mustDetect(t, "a bit of the value turned", key, flip(sealed, bit))
		}
		for bit := range len(key) * 8 {
			mustDetect(t, "a bit of the key turned", flip(key, bit), sealed)
		}
		mustDetect(t, "another key", keys.AppendEvent(nil, s.place.p+1), sealed)
		mustDetect(t, "no key", nil, sealed)
		mustDetect(t, "a byte more", key, append(bytes.Clone(sealed), 0))
		mustDetect(t, "all zero", key, make([]byte, len(sealed)))
		mustDetect(t, "all ones", key, bytes.Repeat([]byte{0xff}, len(sealed)))
	}
}

func TestDamageIsNamedByItsPosition(t *testing.T) {
	key := keys.AppendEvent(nil, 42)
	for _, value := range [][]byte{nil, make([]byte, 5), make([]byte, 60)} {
		_, err := record.Unseal(key, value)
		var corruption *storage.CorruptionError
		if !asError(err, &corruption) || corruption.Where != "the event at position 42" || corruption.Detail == "" {
			t.Errorf("got %v", err)
		}
	}
}
