package cursor

import "github.com/stet-db/stet/storage"

// MaxFrames bounds the bytes of [Step.Frames], unless one event alone is
// larger.
const MaxFrames = 32 << 10

// Kind says what a step is.
type Kind uint8

// The kinds of steps.
const (
	// Events delivers events.
	Events Kind = iota + 1
	// CaughtUp says that everything up to Head was delivered: on reaching the
	// pinned head for the first time, and again after each FellBehind.
	CaughtUp
	// FellBehind says that the reader was too slow for the tail and is served
	// from the log until the next CaughtUp. Nothing is lost.
	FellBehind
	// Progress says how far the log has been looked at, after a long stretch of
	// events that did not pass.
	Progress
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Events:
		return "events"
	case CaughtUp:
		return "caught up"
	case FellBehind:
		return "fell behind"
	case Progress:
		return "progress"
	default:
		return "no step"
	}
}

// Step is what one call of [Cursor.Next] brings.
type Step struct {
	// Kind says what it is.
	Kind Kind
	// Frames are the events as elements of a repeated message field with number
	// 1, at least one of them; empty unless Kind is Events. They stay valid for
	// ever and may be shared with other readers: nobody writes to them.
	Frames []byte
	// Count is the number of events in Frames.
	Count int
	// Cursor is where to resume after this step: a version when a stream is
	// followed, else a position.
	Cursor uint64
	// ScannedTo is the position up to which the log has been looked at,
	// included.
	ScannedTo storage.Position
	// Head is a durable head at or above ScannedTo; in CaughtUp the one that was
	// reached.
	Head storage.Position
}
