// Package httpapi is the HTTP/JSON face of aggregates: post an event, get the
// state, page through history, follow it live, change the specification.
// docs/http.md describes it.
//
// A handler reads its request strictly, asks package aggregate, and writes the
// answer: no rule of the domain is here. Whatever is wrong is told as one JSON
// body, {"ok":false,"error","code","path"?}, by the one function that knows what
// status an error has.
//
// What must stay true:
//
//   - Every route stands in the one table, with its scope and its parameters. What
//     the table does not name is refused: parameters, members, methods, paths.
//   - No route redirects, and none changes or deletes an event.
//   - An event's data is given back byte for byte (but for white space on streams).
//   - Keys are checked before anything is told about paths, types or aggregates.
//   - A client that reads slowly or not at all costs one connection, a bounded
//     buffer, and nobody else anything (I10).
//   - When the server drains, requests in flight are answered, and streams end
//     (I11).
//
// The package knows net/http, and neither gRPC nor any engine.
package httpapi
