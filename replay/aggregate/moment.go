package aggregate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stet-db/stet/storage"
)

// Moment is a time as somebody says it: with the unit in which it is said.
// 1700000000 means a whole second, 1700000000000 a millisecond.
type Moment struct {
	// First is the first instant of the unit, and where from_time begins and
	// until_time ends.
	First storage.Instant
	// Until is the first instant after the unit: as of this moment means
	// everything before it.
	Until storage.Instant
}

// MomentOf is the moment of exactly one instant.
func MomentOf(at storage.Instant) Moment { return Moment{at, at + 1} }

// secondsBelow is where integers stop to be seconds and begin to be
// milliseconds: seconds reach the year 5138, milliseconds begin in 1973.
const secondsBelow = 100_000_000_000

// The bounds of times, as in the API: the years 1 to 9999.
var (
	earliest = storage.InstantOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	latest   = storage.InstantOf(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
)

// ParseMoment reads a time: an integer, below 10^11 in seconds since 1970, else
// in milliseconds; or RFC 3339, in the unit of its last digit, down to
// microseconds. The error is a [*Refusal].
func ParseMoment(text string) (Moment, error) {
	m, ok := parseMoment(text)
	if !ok || m.First < earliest || m.Until > latest {
		return Moment{}, refuse(Malformed, CodeInvalidTime, momentProblem(text))
	}
	return m, nil
}

// momentProblem says what is missing of a time that is nearly one. A date alone
// is refused, since it does not say of which zone its day is.
func momentProblem(text string) string {
	is := func(layout, text string) bool {
		_, err := time.Parse(layout, text)
		return err == nil
	}
	switch {
	case is(time.DateOnly, text):
		return fmt.Sprintf("%q is a date, whose hours depend on the zone; give the time and zone too, as in %sT00:00:00Z", text, text)
	case is("2006-01-02T15:04:05", text):
		return fmt.Sprintf("%q lacks the zone; give it too, as in %sZ", text, text)
	case is(time.DateTime, text):
		return fmt.Sprintf("%q is not as in RFC 3339: T stands between date and time, and the zone behind them, as in 2024-02-29T12:00:00Z", text)
	case is(time.RFC3339, strings.Replace(text, " ", "+", 1)):
		return fmt.Sprintf("%q has a blank where + was meant, which in a query is written as %%2B", text)
	default:
		return fmt.Sprintf("%.64q is no time; give seconds or milliseconds since 1970 as an integer, or RFC 3339 as in 2024-02-29T12:00:00Z", text)
	}
}

func parseMoment(text string) (Moment, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		unit := int64(time.Second)
		if n >= secondsBelow {
			unit = int64(time.Millisecond)
		}
		micros := unit / int64(time.Microsecond)
		if n > int64(latest)/micros || n < int64(earliest)/micros {
			return Moment{}, false
		}
		return Moment{storage.Instant(n * micros), storage.Instant((n + 1) * micros)}, true
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Moment{}, false
	}
	first := storage.InstantOf(t)
	return Moment{first, first + unitOf(text)}, true
}

// unitOf is the unit of the last digit of the seconds, in microseconds.
func unitOf(text string) storage.Instant {
	_, fraction, found := strings.Cut(text, ".")
	unit := storage.Instant(1_000_000)
	if !found {
		return unit
	}
	for _, c := range fraction {
		if c < '0' || c > '9' || unit == 1 {
			break
		}
		unit /= 10
	}
	return unit
}
