//go:build !cgo

package heap

// growth is GOGC where nobody sets it. Without cgo the engine's cache and
// tables lie in Go's heap, some hundred MiB that 400 would multiply.
const growth = 100

// beyondHeap is what the engine takes outside Go's heap.
func beyondHeap(int64) int64 { return 0 }
