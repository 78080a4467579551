//go:build race

package embedded

// verifyOneIn is how many images are checked by their files, too, in the checks
// of every change: under the race detector that takes longest.
const verifyOneIn = 4
