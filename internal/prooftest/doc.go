// Package prooftest tells the tests that prove something by numbers how much
// they have to do, and collects what they did.
//
// A run does as much as fits into the time box of the checks of every change.
// With STET_PROOF=full it does what docs/guarantees.md states, and with
// STET_PROOF=soak it goes on for STET_PROOF_TIME. STET_PROOF_FILE names the
// file that gets the counters, by layer; the runs that write it must not
// overlap. STET_PROOF_SEED repeats a run from its seed.
package prooftest
