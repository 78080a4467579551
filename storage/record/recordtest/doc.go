// Package recordtest gives tests the golden bytes of the stored formats. They
// stand in docs/format.md, drawn and explained, so that the page and the code
// cannot part.
//
// A golden is a lock: what is stored today must be readable for ever. A test
// that fails here means a new form with a new number, never new bytes in the
// page.
package recordtest
