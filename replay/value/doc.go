// Package value gives JSON values that never change and share what they have
// in common, with exact numbers.
//
// [Parse] reads a text strictly; [Value.AppendJSON] writes one that Parse reads
// again as the same value. Between them a value is changed by making another:
// appending to an array, replacing an item or setting a member costs the way
// to that place, however large the rest is.
//
// What must stay true:
//
//   - No change to one value shows in another, in whatever goroutines.
//   - Nothing that can be seen depends on how a value came to be: an array or
//     object that went through text behaves, counts and prints like the first.
//   - A number keeps its spelling until it is calculated with; results are
//     exact, print plainly and keep their scale, or there is none.
//   - Size and nesting are known at any time without looking.
//
// The package knows no handler and no event.
package value
