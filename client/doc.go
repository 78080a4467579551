// Package client speaks to a Stet server from Go: appends with typed conflicts
// and safe retries, a pipeline for many appends, reads as iterators, and
// subscriptions that resume by themselves.
//
//	c, err := client.Dial("127.0.0.1:7838", client.Options{})
//
// What holds:
//
//   - An append that returned nil is on the server's disk. One that returned an
//     error wrote nothing, unless the error is an [*OutcomeUnknown].
//   - Repetition adds nothing twice. The client repeats an append by itself only
//     when the server's reason says that nothing was written, or when the server
//     would recognise the repetition: by request id, or by exact expectations
//     and event ids. See [Client.Append].
//   - An iterator ends at its bound or with an error, never short in silence.
//   - A subscription delivers each matching event once, in order, across
//     reconnections, and ends with [*HistoryChanged] rather than mix two logs.
//
// Errors are told apart by type with errors.As, or by [Reason]; the gRPC status
// below stays reachable through status.FromError. Their texts are for people
// and may change.
//
// A [Client] is safe for concurrent use and keeps one connection. Messages from
// the server are at most about 3 MiB (its largest possible event), so gRPC's
// limit of 4 MiB on what is received is kept.
package client
