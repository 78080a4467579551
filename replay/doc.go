// Package replay is the room for what is made of the log by reading it again,
// in order, from a chosen place.
//
// Its part cursor reads on for ever: what is there, then what comes.
//
// Everything here reads through the storage port and knows no engine and no
// wire protocol. What it makes can be thrown away and made again.
package replay
