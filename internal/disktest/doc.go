// Package disktest gives tests real file systems of their own: small ones, in
// a file of the test's directory or in memory, that can be filled to the last
// block and whose power can be cut.
//
// They need Linux, the superuser, loop devices and the programs that make file
// systems. [Missing] tells what a machine lacks, so that a test can say why it
// is skipped. Everything is unmounted and detached when the test ends, however
// it does; only a killed test leaves a mount behind, of a directory in the
// system's place for temporary files.
//
// A cut loses what was written and not synced, of files and of directories. It
// does not lose what a disk keeps in a cache of its own after a sync: nothing
// above such a disk could know.
//
// [Clonable] is for tests that cut the power at many more moments, of a file
// system in memory.
package disktest
