// Package replay makes states out of the log by reading it again, in order, up
// to a chosen place.
//
// [Fold] derives the state of one aggregate event by event, under [Rules], which
// are the compiled handlers of its type. [Diff] tells what changed between two
// states, [Fold.Step] what one event changed, [Effective] gives the order in
// which events count when the time of the facts decides. [AppendState] and
// [ParseState] are the form of a snapshot.
//
// What must stay true:
//
//   - Folding is a pure function of rules and events: no clock, no I/O, the same
//     answer always, with or without a snapshot on the way (I14).
//   - Folding never fails. An event whose type the rules lack is skipped and
//     counted; what an operation cannot do is skipped and told as a warning.
//   - A [State] never changes; folds that go on from it do not disturb it.
//
// Rules are given as a plain struct, so that specifications and what folds with
// them do not know each other. The part cursor reads on for ever: what is there,
// then what comes; the part aggregate is the service around folds.
//
// Everything here can be thrown away and made again.
package replay
