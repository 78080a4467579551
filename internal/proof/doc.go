// Package proof is what a proof or a soak leaves behind: counters and seeds by
// layer and passes of fault points, the bars that they must reach, and the
// section of docs/guarantees.md that tells them.
package proof
