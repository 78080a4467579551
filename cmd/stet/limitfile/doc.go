// Package limitfile reads the file of bounds that stet serve takes; docs/cli.md
// describes it.
package limitfile
