package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// query are the parameters of a request. Of its readers' faults it keeps the
// first.
type query struct {
	values url.Values
	err    error
}

// parseQuery refuses parameters that the route does not have, and those that are
// given more often than it has them.
func parseQuery(raw string, r *route) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, malformed("", fmt.Sprintf("the parameters cannot be read: %v", err))
	}
	for name, given := range values {
		switch {
		case slices.Contains(r.often, name):
		case !slices.Contains(r.once, name):
			return query{}, malformed(name, fmt.Sprintf("there is no parameter %.64q here; there are %q", name, slices.Concat(r.once, r.often)))
		case len(given) > 1:
			return query{}, malformed(name, "is given more than once")
		}
	}
	return query{values: values}, nil
}

func (q *query) fault(name, problem string) {
	if q.err == nil {
		q.err = malformed(name, problem)
	}
}

// text is a parameter as it is; there tells whether it was given.
func (q *query) text(name string) (s string, there bool) {
	given := q.values[name]
	if len(given) == 0 {
		return "", false
	}
	return given[0], true
}

func (q *query) uint(name string) (n uint64, there bool) {
	s, there := q.text(name)
	if !there {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		q.fault(name, fmt.Sprintf("is %.64q; want a whole number from 0 on", s))
	}
	return n, true
}

// version is a parameter that counts events; nil: it was not given.
func (q *query) version(name string) *storage.Version {
	n, there := q.uint(name)
	if !there {
		return nil
	}
	v := storage.Version(n)
	return &v
}

func (q *query) after() storage.Version {
	n, _ := q.uint("after") // 0 is the beginning
	return storage.Version(n)
}

func (q *query) limit(most int) int {
	n, there := q.uint("limit")
	if there && (n < 1 || n > uint64(most)) {
		q.fault("limit", fmt.Sprintf("is %d; want 1 to %d", n, most))
		return 0
	}
	return int(n)
}

// moment is a time; nil: it was not given.
func (q *query) moment(name string) *aggregate.Moment {
	s, there := q.text(name)
	if !there {
		return nil
	}
	m, err := aggregate.ParseMoment(s)
	if refusal := (*aggregate.Refusal)(nil); errors.As(err, &refusal) && q.err == nil {
		at := *refusal
		at.Path = name
		q.err = &at
	}
	return &m
}

func (q *query) flag(name string) bool {
	s, there := q.text(name)
	if there && s != "true" && s != "false" {
		q.fault(name, fmt.Sprintf("is %.64q; want true or false", s))
	}
	return s == "true"
}

// word is a parameter that has one possible value.
func (q *query) word(name, want string) bool {
	s, there := q.text(name)
	if there && s != want {
		q.fault(name, fmt.Sprintf("is %.64q; want %s, or nothing", s, want))
	}
	return there
}

func (q *query) detailed() bool { return q.word("detail", "full") }

// point is a length or a time, under their names here.
func (q *query) point(length, time string) aggregate.Point {
	p := aggregate.Point{Length: q.version(length), Time: q.moment(time)}
	if p.Length != nil && p.Time != nil {
		q.fault(time, fmt.Sprintf("%s and %s exclude each other", length, time))
	}
	return p
}

// wait is a time in whole seconds.
func (q *query) wait(name string) time.Duration {
	n, there := q.uint(name)
	if most := uint64(aggregate.MaxWait / time.Second); there && (n < 1 || n > most) {
		q.fault(name, fmt.Sprintf("is %d seconds; want 1 to %d", n, most))
		return 0
	}
	return time.Duration(n) * time.Second
}
