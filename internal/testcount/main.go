package main

import (
	"fmt"
	"os"
)

func main() {
	t := newTally(os.Stdout)
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stdout, "testcount:", err)
		t.failed++
	}
	if !t.finish() {
		os.Exit(1)
	}
}
