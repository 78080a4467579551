package fault

// Point is a place in the code. It is passed where [Point.String] says.
type Point uint8

// The points.
const (
	AppendAdmitted Point = iota
	AppendPrefetched
	AppendQueued
	AppendAnswered
	BatchTaken
	Judged
	Staged
	StagedCommitted

	CommitApply
	CommitApplied
	CommitHanded
	CommitSync
	CommitSynced
	Purged

	PublishTail
	PublishHead
	Published
	Answering
	Answered

	ReadAllPinned
	ReadStreamPinned
	ReadStretch
	ReadPlaces
	ReadPage

	CursorOpened
	CursorCaughtUp
	CursorWaits
	CursorWoken
	CursorFromTail
	CursorFromLog
	CursorFellBehind
	StepSent

	DrainBegun
	DrainIdle
	CloseBegun
	QueueClosed
	WriterEnded
	EngineClosing

	OpenLocked
	OpenCreating
	OpenCreated
	OpenRehearsed
	OpenReplayed
	OpenJudging

	pointCount
)

// points is the one table of them. A test holds it equal to the code.
var points = [pointCount]struct {
	name, when string
	// fails: the point can fail.
	fails bool
}{
	// append
	AppendAdmitted:   {"append-admitted", "the floor of the disk lets an append pass", true},
	AppendPrefetched: {"append-prefetched", "what judging needs was read ahead", false},
	AppendQueued:     {"append-queued", "an append is in the queue", false},
	AppendAnswered:   {"append-answered", "its caller has the answer", false},
	BatchTaken:       {"batch-taken", "the writer took what was in the queue, or a caller its own append", false},
	Judged:           {"judged", "an append was judged", false},
	Staged:           {"staged", "an accepted append has its places", false},
	StagedCommitted:  {"staged-committed", "a judgement needs what is staged to be applied first", false},
	// commit
	CommitApply:   {"commit-apply", "a batch is about to be applied", true},
	CommitApplied: {"commit-applied", "a batch is readable by the writer, not durable", false},
	CommitHanded:  {"commit-handed", "the syncer has the batch", false},
	CommitSync:    {"commit-sync", "the syncer is about to wait for the disk", true},
	CommitSynced:  {"commit-synced", "a batch is durable, nobody knows", false},
	Purged:        {"purged", "expired request ids were forgotten", false},
	// publish
	PublishTail: {"publish-tail", "a durable batch is about to go to the tail", false},
	PublishHead: {"publish-head", "the tail has it, the head is about to move", false},
	Published:   {"published", "the head has moved", false},
	Answering:   {"answering", "the callers of a batch are about to be answered", false},
	Answered:    {"answered", "the callers of a batch were answered", false},
	// read
	ReadAllPinned:    {"read-all-pinned", "a read of the log has its head", false},
	ReadStreamPinned: {"read-stream-pinned", "a read of a stream has its head", false},
	ReadStretch:      {"read-stretch", "a stretch of the log is about to be read", true},
	ReadPlaces:       {"read-places", "places of a stream's events are about to be read", true},
	ReadPage:         {"read-page", "a page of an answer is about to be sent", true},
	// subscribe
	CursorOpened:     {"cursor-opened", "a cursor has pinned its first head", false},
	CursorCaughtUp:   {"cursor-caught-up", "a cursor is at its pinned head", false},
	CursorWaits:      {"cursor-waits", "a cursor is about to wait for the head to move", false},
	CursorWoken:      {"cursor-woken", "a cursor has a new head", false},
	CursorFromTail:   {"cursor-from-tail", "a cursor is about to take a group of the tail", false},
	CursorFromLog:    {"cursor-from-log", "a cursor is about to read the log", true},
	CursorFellBehind: {"cursor-fell-behind", "a cursor leaves the tail", false},
	StepSent:         {"step-sent", "a step is about to be sent to a subscriber", true},
	// shutdown
	DrainBegun:    {"drain-begun", "a server begins to drain", false},
	DrainIdle:     {"drain-idle", "no call of the event store is left", false},
	CloseBegun:    {"close-begun", "a store is about to close", false},
	QueueClosed:   {"queue-closed", "a store takes no appends any more", false},
	WriterEnded:   {"writer-ended", "all appends were answered", false},
	EngineClosing: {"engine-closing", "the engine is about to close", false},
	// recovery
	OpenLocked:    {"open-locked", "an opening has the lock of the directory", true},
	OpenCreating:  {"open-creating", "a new store is about to be made", true},
	OpenCreated:   {"open-created", "a new store was made and closed again", true},
	OpenRehearsed: {"open-rehearsed", "an existing store was opened without changing it", true},
	OpenReplayed:  {"open-replayed", "the engine has replayed its logs", true},
	OpenJudging:   {"open-judging", "the writer knows where the log ends", true},
}

// String is the point's name.
func (p Point) String() string { return points[p].name }

// When says when the point is passed.
func (p Point) When() string { return points[p].when }

// Fails tells whether the point can fail.
func (p Point) Fails() bool { return points[p].fails }

// Points are all of them.
func Points() []Point {
	out := make([]Point, pointCount)
	for i := range out {
		out[i] = Point(i)
	}
	return out
}
