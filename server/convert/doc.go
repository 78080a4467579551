// Package convert has what both services of the API convert in the same way:
// times, and the faults of a request, which are all told at once.
package convert
