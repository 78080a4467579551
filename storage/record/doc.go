// Package record is the codec of events: their canonical wire form, which is
// what is stored, what is sent and what is compared.
//
// Stored bytes are wire bytes: an event lies on disk in the canonical wire form
// of stet.v1.RecordedEvent, so readers are sent what is stored. Canonical means
// ascending field numbers, shortest varints, metadata sorted by key, nothing
// twice, nothing unknown, nothing that says its default. One event has one
// form, and generated code writes the same when asked to be deterministic.
// [AppendRecorded] draws it, [AppendSealed] the value around it, [AppendFrame]
// the answer's element, [ContentDigest] what a request id stands for;
// docs/format.md shows all of them with examples.
//
// An event's way: [ParseNewEvent] walks and judges what a client sent and gives
// the client's part in canonical form, spliced where it came that way;
// [SizeBound] is held against the size limit; [AppendRecorded] puts the
// server's part before it, [AppendSealed] form and checksum. Back: [Unseal],
// [Matcher.Match], [AppendFrame]. [Decode] takes an event apart for those who
// look inside.
//
// What stays true: no input makes a function here panic, except frames that
// are not our own; what comes out of ParseNewEvent parses to itself; any flip
// of a bit in a sealed value is reported (invariant I9). The functions on the
// paths above do not allocate.
//
// The package knows no engine, no gRPC and no generated code: equality with
// that is shown by its tests.
package record
