// Package names remembers which rows names of streams lead to. Such a row is
// written once and never changes, so what was found stays true; what was not
// found is never remembered.
package names
