//go:build !race

package embedded

const verifyOneIn = 1
