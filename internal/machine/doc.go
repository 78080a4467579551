// Package machine tells what a measurement ran on and what processes used: the
// processor, the disk's sync latency, processor time, memory and bytes written.
//
// What an operating system does not tell is zero, never an error: figures are
// then missing from a report, but the measurement stands.
package machine
