package tick

// Limits of a handler, known when it is compiled.
const (
	// MaxOperations is the number of operations in one handler, nested ones
	// counted.
	MaxOperations = 256
	// MaxDepth is how deep operations, predicates and templates of a handler
	// may nest in each other.
	MaxDepth = 32
)

// Limits of running. The zero value, like no value, stands for the defaults.
type Limits struct {
	// Steps is the number of values that may be visited for one event; each
	// 256 bytes of a text that is joined or compared count like a value.
	// 1,000,000 by default.
	Steps int
	// StateBytes is the length of the state as JSON text. 8 MiB by default.
	StateBytes int
}

func (l *Limits) withDefaults() Limits {
	out := Limits{Steps: 1_000_000, StateBytes: 8 << 20}
	if l == nil {
		return out
	}
	if l.Steps > 0 {
		out.Steps = l.Steps
	}
	if l.StateBytes > 0 {
		out.StateBytes = l.StateBytes
	}
	return out
}
