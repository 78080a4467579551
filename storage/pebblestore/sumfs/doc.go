// Package sumfs is a file system for the engine that remembers what it wrote.
// Of each write-ahead log and each MANIFEST of one directory it keeps a running
// checksum, and writes it down, in a file beside them, after each successful
// sync. [Check] compares before the directory is opened again.
//
// The engine alone takes a flipped bit near the end of those files for the end
// of what was written, and a missing log for one that was never there: what was
// acknowledged would be gone in silence (invariants I1, I9).
//
// What always holds:
//   - Never ahead of the disk: a file is covered as far as a sync of it has
//     succeeded, and only once a sync of the directory has made its name durable.
//   - Never behind a deletion: before a file is removed, renamed or written
//     anew, both slots are without it, durably. So a file that is noted and not
//     as noted is damage, whatever was cut off when.
//   - A marker is never ahead of what it names, nor gone before the next one is
//     durable, in whatever order the disk keeps names.
//   - Commits do not wait for it: it is written without a sync of its own. After
//     a power cut it may be older, and what is beyond is not covered.
//
// The package knows nothing of what the files hold.
package sumfs
