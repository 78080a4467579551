package spec

import (
	"slices"

	"github.com/stet-db/stet/replay/value"
)

// MaxBytes is the length of the longest specification.
const MaxBytes = 1 << 20

// Spec is a specification without faults. It is immutable.
type Spec struct {
	text       string
	root       value.Value // unwrapped
	types      []*Type
	byName     map[string]*Type
	agentTypes []string
	routes     []Route
	byPath     map[string]int
}

// Text is the specification as it was given, byte for byte, in a copy.
func (s *Spec) Text() []byte { return []byte(s.text) }

// Type is the aggregate type of this name.
func (s *Spec) Type(name string) (*Type, bool) {
	t, ok := s.byName[name]
	return t, ok
}

// Types are all aggregate types, in their order in the text.
func (s *Spec) Types() []*Type { return slices.Clone(s.types) }

// AgentTypes are the allowed types of actors, in their order in the text. When
// there are none, events need no actor, and one of any type is allowed.
func (s *Spec) AgentTypes() []string { return slices.Clone(s.agentTypes) }

// HasAgentType tells whether the type of an actor is allowed.
func (s *Spec) HasAgentType(name string) bool {
	return len(s.agentTypes) == 0 || slices.Contains(s.agentTypes, name)
}

// Routes are the aliases of paths, in their order in the text.
func (s *Spec) Routes() []Route { return slices.Clone(s.routes) }

// Route is the alias with exactly this path.
func (s *Spec) Route(path string) (Route, bool) {
	i, ok := s.byPath[path]
	if !ok {
		return Route{}, false
	}
	return s.routes[i], true
}

// Fault is a mistake that keeps a specification from being used.
type Fault struct {
	// Path leads to the mistake, as in
	// aggregate_types.cart.events.was_created.handler[0].set. It begins in the
	// specification, also where that came inside of {"spec": ...}. Empty for
	// the whole.
	Path string
	// Problem says what is wrong, for people.
	Problem string
}

func (f Fault) Error() string {
	if f.Path == "" {
		return f.Problem
	}
	return f.Path + ": " + f.Problem
}

// Warning is advice: the specification works, but probably not as meant.
type Warning struct {
	// Path leads to what is meant, like that of a [Fault].
	Path string
	// Problem says what to think about, for people.
	Problem string
}

func (w Warning) String() string { return w.Path + ": " + w.Problem }
