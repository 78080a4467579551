// Package rows is the form of the values that are no events: names, indexes and
// requests of a log, and cached states. docs/format.md draws them; what is
// written in one form can be read for ever.
//
// Reading trusts nothing: a value of another size, or a cached state whose
// checksum is wrong, is a [storage.CorruptionError] (I9).
//
// The package knows no keys but as bytes under a checksum, and no engine.
package rows
