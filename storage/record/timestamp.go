package record

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/stet-db/stet/storage"
)

// timestamp is a google.protobuf.Timestamp:
//
//	08 varint   seconds since 1970-01-01 UTC, as int64; left out when 0
//	10 varint   nanoseconds above that, 0 to 999,999,999; left out when 0
type timestamp struct {
	seconds, nanos int64
}

// The seconds of the years 1 to 9999, which are all that a Timestamp may hold.
const (
	minSeconds = -62135596800
	maxSeconds = 253402300799
	maxNanos   = 999_999_999
)

// parseTimestamp reads a Timestamp. canonical tells that its bytes are those
// that appendTimestamp would write. The values are not judged.
func parseTimestamp(b []byte) (t timestamp, canonical bool, p problem) {
	canonical = true
	var seen [fieldNanos + 1]bool
	last := protowire.Number(0)
	for len(b) > 0 {
		f, n, p := consumeField(b)
		if p != "" {
			return t, false, p
		}
		if f.num > fieldNanos || f.typ != protowire.VarintType {
			return t, false, "has an unknown field"
		}
		if seen[f.num] {
			return t, false, "has a field twice"
		}
		seen[f.num] = true
		canonical = canonical && f.minimal && f.num > last && f.varint != 0
		last = f.num
		if f.num == fieldSeconds {
			t.seconds = int64(f.varint)
		} else {
			t.nanos = int64(f.varint)
		}
		b = b[n:]
	}
	return t, canonical, ""
}

// problem says why the time cannot be an event's. The first instant of year 1
// is refused too: it is the zero time of Go and of other languages, and stands
// for "not stated" in [storage.Event].
func (t timestamp) problem() problem {
	switch {
	case t.seconds < minSeconds || t.seconds > maxSeconds:
		return "has seconds out of range; want a time in the years 1 to 9999"
	case t.nanos < 0 || t.nanos > maxNanos:
		return "has nanos out of range; want 0 to 999,999,999"
	case t == timestamp{seconds: minSeconds}:
		return "is 0001-01-01T00:00:00Z, which stands for no time; leave it out"
	}
	return ""
}

func (t timestamp) time() time.Time { return time.Unix(t.seconds, t.nanos).UTC() }

func timestampOf(t time.Time) timestamp {
	return timestamp{seconds: t.Unix(), nanos: int64(t.Nanosecond())}
}

// The factors between an instant, in microseconds, and a timestamp.
const (
	microsPerSecond = 1_000_000
	nanosPerMicro   = 1_000
)

// instantTimestamp cuts towards the past, so that nanos is never negative.
func instantTimestamp(i storage.Instant) timestamp {
	seconds, micros := int64(i)/microsPerSecond, int64(i)%microsPerSecond
	if micros < 0 {
		seconds, micros = seconds-1, micros+microsPerSecond
	}
	return timestamp{seconds, micros * nanosPerMicro}
}

// instant is the reverse of instantTimestamp; false when there is none.
func (t timestamp) instant() (storage.Instant, bool) {
	if t.nanos < 0 || t.nanos > maxNanos || t.nanos%nanosPerMicro != 0 {
		return 0, false
	}
	i := storage.Instant(t.seconds*microsPerSecond + t.nanos/nanosPerMicro)
	return i, instantTimestamp(i) == t // false when it overflowed
}

func (t timestamp) size() int {
	n := 0
	if t.seconds != 0 {
		n += 1 + protowire.SizeVarint(uint64(t.seconds))
	}
	if t.nanos != 0 {
		n += 1 + protowire.SizeVarint(uint64(t.nanos))
	}
	return n
}

// appendTimestamp appends the timestamp as a field with the given tag.
func appendTimestamp(dst []byte, tag byte, t timestamp) []byte {
	dst = append(dst, tag, byte(t.size())) // at most 17
	if t.seconds != 0 {
		dst = protowire.AppendVarint(append(dst, tagSeconds), uint64(t.seconds))
	}
	if t.nanos != 0 {
		dst = protowire.AppendVarint(append(dst, tagNanos), uint64(t.nanos))
	}
	return dst
}
