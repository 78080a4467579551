// Package keys is the codec of the engine's keys and of the small values that
// point from one to another. docs/format.md draws all of them with examples.
//
// A key is a prefix of one byte, which names its space, and parts whose byte
// order is their order: numbers are 8 bytes, big endian, and text comes last
// and as it is. So an engine that sorts by bytes keeps each space in the order
// it is read in.
//
//	e position                 an event, sealed (see package record)
//	s stream number, version   position
//	n stream name              stream number, first position
//	q request id               first position, count, digest, expiry
//	x expiry, request id       nothing
//	c stream number, version   a snapshot of derived state
//	m name                     a fact about the store
//
// Encoders append to a slice and allocate nothing else. Decoders check prefix
// and length, and report what is no key of their space as a
// [*storage.CorruptionError]; the text that they give lies in the key. What they
// accept, the encoders make again byte for byte.
//
// The forms are fixed: golden bytes hold them, and other bytes need another
// format number. The package knows no engine.
package keys
