//go:build !race

package server

// raced is 1 where the race detector is built in.
const raced = 0
