// Package pacing says how long to wait before a repetition, and waits. It knows
// nothing of what is repeated.
package pacing
