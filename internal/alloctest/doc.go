// Package alloctest holds allocations of hot paths below recorded ceilings, and
// measures the same paths as benchmarks. Time varies with the machine and is
// never judged; allocations do not.
package alloctest
