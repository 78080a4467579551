package console

import "errors"

// UsageError is a fault of the command line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap is the fault.
func (e *UsageError) Unwrap() error { return e.Err }

// Usage is a fault of the command line, in words.
func Usage(text string) error { return &UsageError{errors.New(text)} }
