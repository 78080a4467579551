//go:build mutants

package mutant

import "os"

var chosen = Name(os.Getenv("STET_MUTANT"))

// On tells whether the fault was chosen.
func On(n Name) bool { return n == chosen }
