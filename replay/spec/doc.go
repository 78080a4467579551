// Package spec reads aggregate specifications: which types of aggregates there
// are, which events can happen to them, and what each event means.
//
// A specification is JSON. [Parse] checks all of it and tells every fault with
// its path, compiles schemas, handlers, predicates and templates once, and
// gives a [Spec] that never changes. docs/specification.md explains each part.
//
// What must stay true:
//
//   - Whoever holds a Spec may use it from many goroutines at once.
//   - Equal texts give equal specifications, faults and warnings, in the same
//     order: nothing depends on time, chance or the order of a map (I14).
//   - A schema sees nothing outside of itself: no file, no network.
//   - No text makes Parse, and no data makes [Event.CheckData], panic, run on,
//     or grow without bound.
//   - Validation concerns new facts only. [Event.Upcast] and the programs that
//     derive state refuse nothing.
//
// The words: a type is a kind of aggregate and the category of its streams; an
// aggregate is one stream of that category; an event here is the declaration
// of a kind of event.
//
// The package knows no storage and no wire protocol, and runs no fold.
package spec
