//go:build !race

package embedded

const verifyOneIn = 1

const crashFloor = 1000
