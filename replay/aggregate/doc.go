// Package aggregate is the service of aggregates: it writes events under the
// rules of the present specification and answers what their states are, now, at
// any version, and at any time.
//
// [Service.Execute] validates and appends, [Service.Append] holds raw appends to
// the same rules, [Service.State] and its siblings fold, [Service.PutSpec] changes
// the rules for all events at once. Both front ends call the same methods; they
// convert, and turn errors into statuses: a [*Refusal] has a kind and a code word,
// everything else is an error of package storage.
//
// What must stay true:
//
//   - An event is recorded only if it passes the specification in force at its
//     position and its conditions hold on the states that it follows (I4): the
//     append checks the version of every stream that was read, and of the
//     specification's.
//     Only what [Service.CheckAppend] has passed, and raw appends to a category
//     that had no specification yet, may come to lie behind one that was put
//     while they were on their way.
//   - A repeated request gets the first answer whatever the rules have become
//     (I5): its id is asked for before any refusal leaves.
//   - Stored events are never judged again, and no handler keeps one out.
//   - Snapshots are made beside the writing and reading, are bounded, and change
//     no answer (I14).
//
// Specifications are the events of the stream "$spec", which is followed live.
//
// The package knows no gRPC and no HTTP, and no engine.
package aggregate
