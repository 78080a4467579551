// Package tick runs the handlers of aggregate specifications: it makes the
// next state of an aggregate from its state and one event.
//
// A handler is JSON: a list of operations (set, append, increment, ...) over
// values, paths and predicates. [Compile] walks it once and tells all its
// faults; [Program.Run] then runs it for each event. docs/handlers.md explains
// every operation with an example.
//
// What must stay true:
//
//   - Running is a pure function of state, event and limits: no clock, no I/O,
//     no order of a map, nothing of how a value is stored (I14).
//   - Only the specification is walked. What a path leads to is data: never
//     compiled, never evaluated, however much it looks like a handler.
//   - A [Value] never changes. New values share what stayed the same, and no
//     change to one shows in another.
//   - A number that is not calculated with keeps its spelling; what is
//     calculated is exact, or the operation is skipped with a warning.
//   - No input makes it panic, run on, or grow without bound: sizes, nesting
//     and steps are counted, and a state is held to what [ParseValue] reads.
//
// The package knows no stream, no schema and no storage.
package tick
