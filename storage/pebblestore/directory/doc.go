// Package directory has what a store needs of its directory beside the engine:
// small files that are there, whole, after any crash, and a look at the room
// that there is. It knows the names of the engine's logs and nothing of what any
// file holds.
package directory
