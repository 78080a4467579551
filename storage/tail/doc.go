// Package tail keeps the newest events in memory, encoded once, for all
// readers near the head: a cache of what the log says, nothing more.
//
// Only durable events may be pushed (invariant I7). Its memory is bounded: the
// oldest groups leave first, and whoever still needed them reads the log
// instead (invariant I10).
package tail
