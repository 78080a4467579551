// Prove runs the layers of a proof, from the root of the repository:
//
//	prove full            each layer at its bar, two at once (-jobs) but those that bound memory or times, into
//	                      docs/proof-latest.json
//	prove full -only R    those whose names match, into the same record if it is
//	                      of the same commit, and otherwise into a new one
//	prove soak -for D     layers in random order for a time, into
//	                      docs/soak-latest.json; an interrupt ends it early
//	prove page            the section of docs/guarantees.md from the two files
//	prove list            the layers
//
// Every run has a seed, which is kept with its counters. What fails is told
// with the command that repeats it, its output is in bin/proof-failures, and
// the exit code is 1.
package main
