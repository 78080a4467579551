// Package failstop ends the process where the engine would panic over its file
// system: when a directory cannot be synced after a marker was moved, when a
// new log cannot be made, when a log that could not be written is closed for
// another one, and when an opening gives up while tables are being compacted.
//
// The engine does not hold its locks as its callers expect then, so that a
// panic there would end the process without a word and with another code than
// other failed syncs.
package failstop
