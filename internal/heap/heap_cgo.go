//go:build cgo

package heap

// growth is GOGC where nobody sets it. What lives in the heap is little,
// some tens of MiB: the engine's cache and tables lie outside it. So 400 costs
// little memory and takes most of the collector's work away.
const growth = 400

// beyondHeap is what the engine takes outside Go's heap.
func beyondHeap(cache int64) int64 { return cache + engineTables }
