package names

import (
	"strconv"
	"testing"
	"unsafe"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/storage/pebblestore/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNamesInUseAreRememberedAndTheRestIsDropped(t *testing.T) {
	var n cache
	for i := range 5 * limit {
		n.put("stream-"+strconv.Itoa(i), rows.Name{Number: uint64(i)})
		if _, ok := n.get("stream-0"); !ok {
			t.Fatalf("after %d names the one in use is forgotten", i+1)
		}
	}
	if held := len(n.young) + len(n.old); held > 2*limit {
		t.Errorf("%d names are held, want at most %d", held, 2*limit)
	}
	if row, ok := n.get("stream-" + strconv.Itoa(5*limit-1)); !ok || row.Number != 5*limit-1 {
		t.Errorf("the newest name is %v, %v", row, ok)
	}
	if _, ok := n.get("stream-1"); ok {
		t.Error("a name that nobody used for long is still there")
	}
}

func TestANameKeepsNothingOfItsCallersBuffer(t *testing.T) {
	var n cache
	buffer := []byte("order-1")
	n.put(unsafe.String(&buffer[0], len(buffer)), rows.Name{Number: 7})
	copy(buffer, "other-2")
	if row, ok := n.get("order-1"); !ok || row.Number != 7 {
		t.Errorf("got %v, %v after the caller's buffer was used again", row, ok)
	}
}
