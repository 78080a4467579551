// Package logspace is a file system for the engine that gives its write-ahead
// logs their length ahead of what is written to them.
//
// A log that grows with every commit makes each sync write the file's new
// length, too: one more write to the disk's journal, which takes as long as the
// data itself. The engine's own preallocation reserves blocks but leaves the
// length as it is, so it does not help.
//
// What always holds:
//   - What is beyond the last write reads as zeros, or as what an earlier log
//     of the same file left there: the engine takes both for the end of the log.
//   - It promises nothing: where the space cannot be had the log grows as it is
//     written, and the write itself tells what is wrong.
//
// The package knows nothing of what the files hold.
package logspace
