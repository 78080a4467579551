// Package workload puts an event store under load and measures it: appends,
// reads of the log and of streams, live delivery, and mixtures.
//
// It knows no system: a [Driver] speaks to one, and the same [Case] with the
// same [Payload] runs on all of them, so that figures of one run can be
// compared. What it counts is exact: each operation that ends inside the
// measured window counts once, events missing from a subscription are gaps, and
// an operation that fails other than by an intended conflict fails the run.
//
// In a closed loop each client sends its next operation when the last one was
// answered. In an open loop operations begin at fixed times, and latency counts
// from the intended time, so that a stall is not hidden by the clients that it
// holds up.
package workload
