// Testcount reads what "go test -json" writes and prints what a person wants
// to see of it: one line for each package, the output of failed tests, the
// reason of skipped ones, and as the last line
//
//	N passed, N failed, N skipped
//
// Every test, subtest, example and fuzz seed counts. It exits with 1 when
// anything failed, also a package that did not build or ended early, and when
// no test ran at all.
package main
