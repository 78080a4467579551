// Package lifecycle runs the long-lived goroutines of a process: each has a
// name and an end, the first failure ends all, and they stop in the reverse
// order of their start, so that what others stand on goes last.
//
// It is the only place of this module, beside tests, where a goroutine is
// started without being waited for in the same function. It knows nothing of
// what runs. A [Gate] is for what is started by others: it tells when the last
// of them has left.
package lifecycle
