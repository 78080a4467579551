// Package tables looks at the engine's table files past the engine: whether
// they are there and as long as they were written, and whether each block has
// its checksum, read from the disk at a bounded pace. It changes nothing and
// knows nothing of what the tables hold.
package tables
