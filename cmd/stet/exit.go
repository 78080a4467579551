package main

import (
	"errors"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
)

// Exit codes. They are documented in the root command's help.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitConflict    = 3
	exitNotFound    = 4
	exitUnavailable = 5
	exitDamaged     = 6
	exitFailedSync  = embedded.ExitFailedSync
)

const exitCodesHelp = `Exit codes:
  0   done
  1   failure
  2   wrong usage, or a request that can never be accepted as it is
  3   conflict: an expectation was not met, or a request id was used for other content
  4   there is no such stream
  5   the server cannot be reached or cannot take the request now; try again
  6   damaged data
  70  serve only: a commit could not be synced, so the process ended at once`

// usageError is a fault of the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

// Unwrap is the fault.
func (e *usageError) Unwrap() error { return e.err }

func usage(text string) error { return &usageError{errors.New(text)} }

// errDamaged is the result of a verification that found something.
var errDamaged = errors.New("the store is damaged")

// exitCode judges by the type of the error. What fails before a command has
// started is a fault of its usage.
func exitCode(err error, started bool) int {
	switch {
	case err == nil:
		return exitOK
	case is[*importing.LineError](err) && (is[*client.InvalidRequest](err) || is[*storage.InvalidError](err)):
		return exitFailure // the fault is in the source, not in the command
	case !started || is[*usageError](err) || is[*client.InvalidRequest](err) || is[*storage.InvalidError](err):
		return exitUsage
	case is[*client.Conflict](err) || is[*client.RequestIDReused](err):
		return exitConflict
	case is[*client.NotFound](err):
		return exitNotFound
	case is[*client.Unavailable](err) || is[*client.Exhausted](err) || is[*client.OutcomeUnknown](err) || is[*backupUnavailable](err):
		return exitUnavailable
	case errors.Is(err, errDamaged) || is[*client.Damaged](err) || is[*storage.CorruptionError](err):
		return exitDamaged
	default:
		return exitFailure
	}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
