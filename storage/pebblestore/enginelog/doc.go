// Package enginelog hands on to the log what the storage engine tells about
// itself: its messages, and the events that an operator should know. It never
// tells so much that it fills the disk itself.
package enginelog
