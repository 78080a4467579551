// Package names remembers of names of streams what spares a search in the
// engine: which rows they lead to, and that they lead to none. A name's row is
// written once and never changes, so what was found stays true; what was not
// found is never remembered by itself, but follows from all that were.
package names
