package storage

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// Position is the place of an event in the whole log: 1, 2, 3 and so on, in
// commit order, given densely and never reused (invariant I2). 0 is the place
// before everything.
type Position uint64

// Version is the place of an event in its stream: 1, 2, 3 and so on. A
// stream's version is the number of events ever written to it; 0 means never
// written. Never reused.
type Version uint64

// Instant is a point in time: microseconds since 1970-01-01 UTC, negative
// before. Recorded times are Instants and never decrease along the log
// (invariant I12).
type Instant int64

// InstantOf cuts t down to whole microseconds.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Time is the instant as a time in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// HistoryID is the identity of one log: random, made when a store is created
// or restored from a backup. A cursor is worth something only together with
// the history it was taken from.
type HistoryID [16]byte

// NewHistoryID makes a random history id.
func NewHistoryID() HistoryID {
	var h HistoryID
	rand.Read(h[:]) // never fails, by its contract since Go 1.24
	return h
}

// String is the id as 32 lower-case hexadecimal digits.
func (h HistoryID) String() string { return hex.EncodeToString(h[:]) }

// ParseHistoryID reads what [HistoryID.String] wrote.
func ParseHistoryID(s string) (HistoryID, error) {
	var h HistoryID
	if len(s) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("history id %q: want 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return h, fmt.Errorf("history id %q: want 32 hexadecimal digits", s)
	}
	return h, nil
}
