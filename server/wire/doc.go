// Package wire is the one home of grpc's experimental codec interface. It
// passes the messages of the hot calls as wire bytes: what the store keeps is
// what clients send and get, and nothing in between is decoded twice.
//
// [NewCodec] makes the codec. Requests to append become [AppendRequest],
// [AppendAtomicRequest] and [AppendPipelineRequest] with events in canonical
// form; their answers, and [Events], the streaming answer of reads and
// subscriptions, are written field by field. Every other message goes through
// package proto, so the same codec serves health, reflection and the cold
// calls, and clients can use it too.
//
// What stays true:
//
//   - A decoded request owns its memory. What grpc hands to Unmarshal is freed
//     when that returns, so it is copied once and events are parts of the copy.
//   - A bad request is no error of the codec, which would end its call with a
//     code of grpc's choice. Its faults, named by exact field paths, come with
//     the value, so that a pipeline goes on.
//   - Unknown fields and singular fields given twice are faults: nobody can
//     smuggle in fields of the server, and no two readers differ about which
//     value counts.
//   - Nothing decoded is larger than the limits allow: counting goes on, keeping
//     does not.
//
// The package judges form and size. What names and expectations mean is up to
// package server.
package wire
