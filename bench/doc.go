// Command bench measures Stet beside NATS JetStream and PostgreSQL, and beside
// what gRPC and Pebble alone can do, on this machine, in one run: the same load,
// the same events, durable before the answer.
//
// It is a module of its own, so that the peers never enter the server's. All
// systems take turns, round by round, in rotating order; each round starts them
// anew. What is unequal between them stands beside the table in RESULTS.md.
package main
