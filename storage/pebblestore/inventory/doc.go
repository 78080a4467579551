// Package inventory lists the files of a directory at rest with their sizes
// and hashes, and compares a copy with such a list. It knows nothing of what
// the files hold.
package inventory
