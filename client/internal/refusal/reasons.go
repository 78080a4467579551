package refusal

// Domain is that of the reasons below.
const Domain = "stet"

// The reasons of the API, as in docs/errors.md.
const (
	InvalidRequest       = "INVALID_REQUEST"
	Conflict             = "CONFLICT"
	StreamNotFound       = "STREAM_NOT_FOUND"
	RequestIDReused      = "REQUEST_ID_REUSED"
	HistoryChanged       = "HISTORY_CHANGED"
	ClockAhead           = "CLOCK_AHEAD"
	BeyondEnd            = "BEYOND_END"
	QueueFull            = "QUEUE_FULL"
	DiskFloor            = "DISK_FLOOR"
	RequestIDsFull       = "REQUEST_IDS_FULL"
	TooManySubscriptions = "TOO_MANY_SUBSCRIPTIONS"
	TooManyPipelines     = "TOO_MANY_PIPELINES"
	TooManyCalls         = "TOO_MANY_CALLS"
	ShuttingDown         = "SHUTTING_DOWN"
	OutcomeUnknown       = "OUTCOME_UNKNOWN"
	PipelineHalted       = "PIPELINE_HALTED"
	DataDamaged          = "DATA_DAMAGED"
	UnknownForm          = "UNKNOWN_FORM"
	Internal             = "INTERNAL"
	RequirementNotMet    = "REQUIREMENT_NOT_MET"
	IncompatibleChange   = "INCOMPATIBLE_CHANGE"
)
