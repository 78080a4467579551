package importing

import (
	"fmt"
	"strconv"
	"time"
)

// Layouts tried in this order when none is given. The first four may carry
// fractions of a second.
var standardLayouts = []string{
	time.RFC3339,
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	time.DateOnly,
}

// Layouts that are numbers.
const (
	layoutUnix      = "unix"
	layoutUnixMilli = "unix-ms"
)

// clockReader reads times of one source.
type clockReader struct {
	layouts []string
	zone    *time.Location
	// latest is the layout that fitted last: a source mostly has one.
	latest int
}

func newClockReader(layout, zone string) (*clockReader, error) {
	c := &clockReader{layouts: standardLayouts, zone: time.UTC}
	if layout != "" {
		c.layouts = []string{layout}
	}
	if zone != "" {
		location, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" { // the machine's zone would make the same import differ elsewhere
			return nil, fmt.Errorf("--time-zone: there is no time zone %q; want a name such as Europe/London or UTC", zone)
		}
		c.zone = location
	}
	return c, nil
}

func (c *clockReader) read(text string) (time.Time, error) {
	switch c.layouts[0] {
	case layoutUnix, layoutUnixMilli:
		return c.readNumber(text)
	}
	for i := range c.layouts {
		at := (c.latest + i) % len(c.layouts)
		t, err := time.ParseInLocation(c.layouts[at], text, c.zone)
		if err != nil {
			continue // the next layout may fit; if none does, that is the error
		}
		c.latest = at
		return c.settle(t, text, c.layouts[at])
	}
	return time.Time{}, fmt.Errorf("%q is not a time; want one such as 2026-01-02 15:04:05 or 2026-01-02T15:04:05Z, or give --time-layout", text)
}

func (c *clockReader) readNumber(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time in whole %s", text, map[string]string{layoutUnix: "seconds", layoutUnixMilli: "milliseconds"}[c.layouts[0]])
	}
	if c.layouts[0] == layoutUnix {
		return time.Unix(n, 0).UTC(), nil
	}
	return time.UnixMilli(n).UTC(), nil
}

// settle decides the hours in which clocks are changed: a local time that does
// not exist is a fault, one that exists twice is the first of the two. Package
// time promises neither.
func (c *clockReader) settle(t time.Time, text, layout string) (time.Time, error) {
	if c.zone == time.UTC || t.Location() != c.zone {
		return t.UTC(), nil
	}
	wall, err := time.ParseInLocation(layout, text, time.UTC)
	if err != nil {
		return time.Time{}, err
	}
	if !sameWall(t, wall) {
		return time.Time{}, fmt.Errorf("%q does not exist in %v: clocks were put forward then", text, c.zone)
	}
	for _, shift := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
		if earlier := t.Add(-shift); sameWall(earlier, wall) {
			return earlier.UTC(), nil
		}
	}
	return t.UTC(), nil
}

// sameWall tells whether a clock on the wall shows the same for both.
func sameWall(a, b time.Time) bool {
	_, offset := a.Zone()
	return a.Unix()+int64(offset) == b.Unix()
}
