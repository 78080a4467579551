// Package cursor follows the log: what is there, then what comes, as one loop.
//
// A [Cursor] reads (after, head], remembers the head it read up to (the pinned
// head), waits for the head to move, and reads again. Whether it is catching up
// or live is only where the bytes come from: near the head from the shared tail
// of newest events, else from the log. There is no hand-over between the two,
// hence none to get wrong.
//
// Invariants kept here:
//
//   - I6: each event that passes is delivered once, in order, without a gap;
//     resuming after any cursor that was handed out loses nothing.
//   - I7: nothing above the durable head is delivered or implied.
//   - I10: a cursor holds no iterator, lock or buffer of the store between two
//     calls of [Cursor.Next], so one that nobody pulls delays no writer and
//     costs no memory.
//
// The package starts no goroutine, has no timer, and knows no wire protocol
// beside the frames of package record.
package cursor
