// Package keys is the codec of the engine's keys. docs/format.md draws them and
// the values under them, with examples.
//
// A key is a prefix of one byte, which names its space, and parts whose byte
// order is their order: numbers are 8 bytes, big endian, and text comes last
// and as it is. So an engine that sorts by bytes keeps each space in the order
// it is read in.
//
//	e position                 leads to an event
//	s stream number, version   to the event's position
//	n stream name              to the stream's number
//	q request id               to what the request's answer is made of
//	x expiry, request id       to nothing: the order is all
//	c stream number, version   to a snapshot of derived state
//	m name                     to a fact about the store
//
// Encoders append to a slice and allocate nothing else. Decoders check prefix
// and length, and report what is no key of their space as a
// [*storage.CorruptionError]; the text that they give lies in the key. What they
// accept, the encoders make again byte for byte.
//
// The forms are fixed: golden bytes hold them, and other bytes need another
// format number. The package knows no engine.
package keys
