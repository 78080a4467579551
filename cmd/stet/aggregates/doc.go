// Package aggregates holds the commands about specifications and the states that
// follow from them: spec, state, diff, trace, test and snapshots.
//
// Each command asks one question of a server, or of files, and prints the answer:
// for people, or with --json one object a line with stable names. No rule of the
// domain lives here.
package aggregates
