package names

import (
	"strconv"
	"sync"
	"testing"
)

func TestAFilterNeverLacksANameThatWasAdded(t *testing.T) {
	f := newFilter()
	const each, adders = 100_000, 4
	var all sync.WaitGroup
	for a := range adders { // bits of one word, from several goroutines
		all.Go(func() {
			for i := a; i < adders*each; i += adders {
				f.add("order-" + strconv.Itoa(i))
			}
		})
	}
	all.Wait()
	for i := range adders * each {
		if f.lacks("order-" + strconv.Itoa(i)) {
			t.Fatalf("order-%d was added, and is said to be missing", i)
		}
	}
}

func TestAFilterKnowsMostNamesThatWereNotAdded(t *testing.T) {
	f := newFilter()
	if !f.lacks("") || !f.lacks("order-1") {
		t.Error("an empty filter does not know that it has nothing")
	}
	const names = 1_000_000
	for i := range names {
		f.add("order-" + strconv.Itoa(i))
	}
	var unknown int
	for i := range names {
		if !f.lacks("cart-" + strconv.Itoa(i)) {
			unknown++
		}
	}
	if unknown > names/200 {
		t.Errorf("of %d new names %d are not known to be new", names, unknown)
	}
}

func BenchmarkFilter(b *testing.B) {
	f := newFilter()
	for i := range 1_000_000 {
		f.add("order-" + strconv.Itoa(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		f.lacks("cart-123456")
	}
}
