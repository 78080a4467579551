// Package clock gives the server's time and guards it: recorded times never
// decrease along the log (invariant I12), so one bad second far in the future
// would freeze them for as long. [Guard] notices a wall clock that jumps
// against the monotonic one, and refuses to stamp appends with a time that
// leapt far ahead until it returns or the operator confirms it.
//
// The package does not know who asks for the time, nor where it is stored.
package clock
