// Package importing brings files of events into a store so that nothing is
// added twice.
//
// A source (NDJSON, or CSV through a [Mapping]; plain, gzip or zstd) is read
// record by record. Records are mapped to events, checked, and gathered into
// chunks whose bounds depend on nothing but source and mapping. A chunk is one
// atomic append with a request id made of source name, mapping and chunk
// number, sent one after another: file order is log order.
//
// What is known about a source stands in a side file ([Progress]), written
// after acknowledgements: a second run reads the source again, compares it
// chunk by chunk with what was imported and sends what is missing. What was
// acknowledged but not yet noted there is recognised by the server through the
// request id, and after its window by the events' ids, which are made of
// source, mapping and line. Without a side file the request ids alone protect,
// for as long as the server remembers them.
//
// What must stay true: the same source and mapping give the same chunks, ids
// and request ids in every release; other content under the same name is an
// error that names a line, never a second copy (invariant I5 carried to
// files). Records are never recognised by their content: equal lines are
// different facts.
//
// The package knows no gRPC: what it needs of a server is [Store]. Restoring
// an export into a new store is [Restore].
package importing
