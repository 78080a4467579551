// Package scale measures how the costs of Stet grow with its log: one store in
// a temporary directory is grown from size to size, and at each one everything
// that could depend on the size is measured anew: appending, reading, memory,
// opening, recovering, space.
//
// The load is package workload's, the server is the program as it is shipped.
// What grows with the log and need not shows as a column that rises; the table
// puts the largest size beside the smallest.
package scale
