package mutant

// Name names a fault.
type Name string

// The faults. The test of this package says which test notices each.
const (
	// What makes it durable.
	NoSync            Name = "no-sync"
	SyncWaitIgnored   Name = "sync-wait-ignored"
	SyncErrorIgnored  Name = "sync-error-ignored"
	AnswerEarly       Name = "answer-early"
	RefusalEarly      Name = "refusal-early"
	ReplayEarly       Name = "replay-early"
	PublishEarly      Name = "publish-early"
	BatchSplit        Name = "batch-split"
	RequestRowApart   Name = "request-row-apart"
	FormatOldest      Name = "format-oldest"
	SumsOff           Name = "sums-off"
	ChecksumUnchecked Name = "checksum-unchecked"

	// What judges.
	PositionEarly    Name = "position-early"
	StagedIgnored    Name = "staged-ignored"
	StaleHintTrusted Name = "stale-hint-trusted"
	RetryAnyContent  Name = "retry-any-content"
	RetryForgotten   Name = "retry-forgotten"
	TimeMayFall      Name = "time-may-fall"
	IndexRowLost     Name = "index-row-lost"
	NameUnlearned    Name = "name-unlearned"
	NamesHalfLearned Name = "names-half-learned"
	QueueUnbounded   Name = "queue-unbounded"
	LeaderUncounted  Name = "leader-uncounted"
	DiskFloorOff     Name = "disk-floor-off"

	// What is shown.
	StreamUncapped   Name = "stream-uncapped"
	HoleIsEnd        Name = "hole-is-end"
	CatchUpEdge      Name = "catch-up-edge"
	LiveDropsOne     Name = "live-drops-one"
	BehindSkips      Name = "behind-skips"
	ProgressIsHead   Name = "progress-is-head"
	FilterAfterLimit Name = "filter-after-limit"

	SnapshotOfAnyRules Name = "snapshot-of-any-rules"

	// What ends.
	DrainForgets Name = "drain-forgets"
)
