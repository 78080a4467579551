package pebblestore

import (
	"strconv"
	"testing"
	"unsafe"

	"github.com/stet-db/stet/storage/pebblestore/rows"
)

func TestNamesInUseAreRememberedAndTheRestIsDropped(t *testing.T) {
	var n names
	for i := range 5 * namesCached {
		n.put("stream-"+strconv.Itoa(i), rows.Name{Number: uint64(i)})
		if _, ok := n.get("stream-0"); !ok {
			t.Fatalf("after %d names the one in use is forgotten", i+1)
		}
	}
	if held := len(n.young) + len(n.old); held > 2*namesCached {
		t.Errorf("%d names are held, want at most %d", held, 2*namesCached)
	}
	if row, ok := n.get("stream-" + strconv.Itoa(5*namesCached-1)); !ok || row.Number != 5*namesCached-1 {
		t.Errorf("the newest name is %v, %v", row, ok)
	}
	if _, ok := n.get("stream-1"); ok {
		t.Error("a name that nobody used for long is still there")
	}
}

func TestANameKeepsNothingOfItsCallersBuffer(t *testing.T) {
	var n names
	buffer := []byte("order-1")
	n.put(unsafe.String(&buffer[0], len(buffer)), rows.Name{Number: 7})
	copy(buffer, "other-2")
	if row, ok := n.get("order-1"); !ok || row.Number != 7 {
		t.Errorf("got %v, %v after the caller's buffer was used again", row, ok)
	}
}
