// Package pebblestore keeps one log in one directory, in Pebble. It applies
// decided batches whole or not at all, and reads within bounds given by its
// caller: of itself it does not know which events are durable, because Pebble
// lets a batch be read before its sync has ended.
//
// The events lie under their position, and ordered (stream, version) keys
// point to them; docs/format.md draws every key and value. Fixed for ever are
// the comparer (bytewise, a prefix being the whole key) and, until an explicit
// upgrade, the number of Pebble's own format.
//
// Damage is reported as [storage.CorruptionError], never served and never
// repaired by deletion (invariant I9).
//
// The package knows no gRPC, no clock, and nothing of judging.
package pebblestore
