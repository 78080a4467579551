// Package stetload is the driver of package workload for Stet: through the Go
// client where events are decoded, as any program would, and with a codec of
// its own where a client that does not decode is measured. It can also start a
// server as a child process.
package stetload
