package storage

import "strings"

// StreamInfo describes a stream as seen at one head.
type StreamInfo struct {
	// Name of the stream.
	Name string
	// Version is the number of events ever written to it.
	Version Version
	// First and Last are the positions of its first and last event.
	First, Last Position
}

// CategoryOf is the text before the first dash of a stream's name, or all of
// it when there is none.
func CategoryOf(stream string) string {
	category, _, _ := strings.Cut(stream, "-")
	return category
}

// IsServerStream tells whether a stream belongs to the server.
func IsServerStream(name string) bool { return strings.HasPrefix(name, "$") }
