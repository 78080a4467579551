// Package storage is the vocabulary of the event store: its values, their
// validation, its errors, and the one wide port, [Store], that engines fulfil.
//
// Words, each with one meaning here, in the API, in the command line and in
// the docs:
//
//   - Event: a fact that happened, immutable. [NewEvent] as proposed, [Recorded]
//     as stored, [Event] taken apart.
//   - Stream: the ordered events of one aggregate, named category-id.
//   - Version: the place of an event in its stream, from 1. See [Version].
//   - Position: the place of an event in the whole log, from 1. See [Position].
//   - Head: the highest durable position. Nothing above it is ever shown.
//   - Expectation: what an append demands of a stream. See [Expectation].
//   - History: the identity of one log. See [HistoryID].
//   - Instant: a time in microseconds. See [Instant].
//
// Ranges are half open. Parameters say which end they include: from is
// included, after and until are not.
//
// The package knows no engine, no wire protocol and no clock, and imports only
// the standard library, so that server, engines and tests speak one language.
package storage
