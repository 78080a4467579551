// Package sequencer is the one writer of a log. It judges appends in the order
// they arrive, against the log and against those judged before them, gives
// versions and positions, commits many at a time, and answers.
//
// What must stay true:
//
//   - Judging is a pure function of log and request (I4): no clock, no chance,
//     and where a batch ends changes no answer.
//   - Every answer, refusals and replays too, leaves only after everything it
//     was judged against is durable (I1, I7).
//   - No caller can hurt another: an invalid, conflicting or abandoned request
//     never fails its batch mates.
//   - A commit that fails is never tried again: nothing of it is shown, every
//     waiting caller learns that the outcome is unknown, and the writer stops.
//   - A panic of whoever writes ends the process, also in a caller that would
//     recover it: what is staged and what is logged may differ by then.
//
// It knows neither the engine below, but for the small port [Log], nor the
// server above.
package sequencer
