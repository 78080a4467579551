// Package heap chooses what a server does with memory: the size of the block
// cache, the target of Go's collector and the soft limit of its heap, from the
// memory that there is and what the engine takes of it. The environment goes first: what GOGC and GOMEMLIMIT say is left.
package heap
