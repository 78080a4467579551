package main

import (
	"errors"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
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
  3   conflict: an expectation was not met, nor a condition of the specification,
      or a request id was used for other content
  4   there is no such stream, aggregate, event or specification
  5   the server cannot be reached or cannot take the request now; try again
  6   damaged data
  70  serve only: a commit could not be synced, so the process ended at once`

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
	case !started || is[*console.UsageError](err) || is[*client.InvalidRequest](err) || is[*storage.InvalidError](err):
		return exitUsage
	case is[*client.Conflict](err) || is[*client.RequestIDReused](err) || is[*client.RequirementNotMet](err):
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
