// Package transport makes the connection below the client: credentials, keys,
// keepalive and the codec.
//
// What stays true: beyond this machine nothing is sent without TLS unless the
// caller asked for that; requests have the form that the server stores; and gRPC
// repeats nothing by itself, since only the client knows what may be repeated.
package transport
