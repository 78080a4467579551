// Package storagetest shows whether an engine fulfils [storage.Store].
//
//   - [Model] is the reference: the whole port in memory, plain enough to be
//     believed by reading. Where an engine and the model differ, one of them
//     has a bug.
//   - [Run] is the conformance suite: each rule of the port as a test.
//   - [RunMachine] compares an engine with the model over random histories, and
//     [RunBatching] shows that where batches end changes no answer.
//   - [Benchmarks] measures an engine.
//   - [Propose], [One] and [Expect] build appends for tests of other packages.
//
// Random tests print their seed, and a failure comes with the shortest history
// that shows it.
//
// The package knows no engine. It may import testing; nothing but tests may
// import it.
package storagetest
