// Package server is the gRPC server of the event store. It knows stores only by
// their port, [storage.Store].
//
// [Service] answers the calls of the event store: a file for each, and in it
// check, call, answer. Those about aggregates go to package server/aggregates.
// Calls return domain errors; statusOf is the one place that gives them codes,
// reasons and details, which docs/errors.md lists. [Server] is what runs:
// listeners, TLS, interceptors in one ordered list, metrics, health, and the
// drain at the end.
//
// What stays true:
//
//   - Everything a judgement depends on beside the log (time, window, ids made
//     here) is stamped into a request before the store sees it.
//   - Hot messages pass as wire bytes, through package server/wire.
//   - Nothing above the durable head is shown: reads are pinned to it (I7).
//   - A slow or dead client costs only itself: whatever waits for one is bounded
//     in number and bytes, and waits on no lock of the store (I10).
//   - A drain answers what was received, and says so where it refuses (I11).
//
// Nothing here knows how events are kept, and no other package of the module
// knows gRPC's server side.
package server
