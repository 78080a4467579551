// Package heap chooses how Go's heap grows in a server: the collector's target
// and the soft limit, from the memory that there is and what the engine takes
// of it. The environment goes first: what GOGC and GOMEMLIMIT say is left.
package heap
