// Package mutant holds the names of faults that can be built into the program
// on purpose, to show that a test notices each of them.
//
// Without the build tag "mutants" [On] is false for the compiler, which leaves
// nothing of them in the program. With it, the environment variable
// STET_MUTANT chooses one.
package mutant
