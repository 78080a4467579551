//go:build !race

package alloctest

// raceDetector tells whether the program was built with it.
const raceDetector = false
