// Package fault names the points of the code at which a test may stop it or
// make it fail: along append, commit, publish, read, subscribe, shutdown and
// recovery. In production nobody installs a hook, and passing a point costs
// one atomic load.
//
// A hook is the whole process's, so tests that install one must not run in
// parallel with each other.
package fault
