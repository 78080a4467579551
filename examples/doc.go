// Package examples holds example specifications, each with a script of curl calls
// and what the script prints. README.md tells their stories.
//
// The package's tests run the scripts, and the commands of docs/tutorial.md,
// against the program itself: built once, one server with an empty store, or with
// the restored history of the example, for each. Times of the present are masked
// on both sides; those of a restored history are compared as they are.
package examples
