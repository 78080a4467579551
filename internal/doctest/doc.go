// Package doctest holds the docs to their word: its tests run the commands of
// README.md, docs/cli.md and docs/operations.md against a server that was
// built as the README says, in a copy of the tree, and compare what they
// print with what the page shows.
//
// A block of commands is a fence named sh, or console where each command has a
// line of its own after "$ ". What a block prints, the fence right after it
// shows. Times, ids, durations and rates are compared by their form only. A
// comment before a block says what is special about it:
//
//	<!-- stays running -->                a terminal of its own
//	<!-- fails -->                        the last command does not end with 0
//	<!-- file: NAME -->                   not commands but a file to save
//	<!-- after the server has stopped --> stop it first
//	<!-- not run: REASON -->              only that
//
// go test ./internal/doctest -update writes the README's outputs anew.
package doctest
