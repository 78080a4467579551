// Package embedded puts the store together that needs nothing beside one
// directory: a sequencer in front of a Pebble store, a durable head, and the
// newest events in memory. It fulfils [storage.Store].
package embedded
