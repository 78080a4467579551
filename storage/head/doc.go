// Package head keeps the durable head of a log: the highest position that is
// known to be on disk. Everything shown or implied to anybody is capped by it
// (invariant I7).
//
// It knows nothing of how positions become durable.
package head
