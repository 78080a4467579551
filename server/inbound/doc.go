// Package inbound bounds what clients make a server hold and do before any
// handler sees their call whole.
//
// The transport of gRPC opens the window of a call for the whole message as soon
// as its length is announced, and holds what has come until the message is whole or
// the call ends. So each call could hold a message's size for as long as a
// request may take to come, and neither the number of calls nor the length of a
// message bounds the product. And a call that is reset at once costs its client
// nothing, so that neither the number of calls at a time bounds the work.
//
// A [Budget] looks at the frames of HTTP/2 as they pass, below the transport and
// above TLS. It counts the bytes of messages that are not whole, over all
// connections: when they exceed its bound, the connection that holds most of
// them is closed. And it closes a connection whose client keeps resetting calls
// that were not answered. Closing is all that it does: no frame is changed,
// held back or refused, and a connection that it does not understand is left to
// the transport.
//
// [Bodies] does for the bodies of HTTP requests what a Budget does for messages.
package inbound
