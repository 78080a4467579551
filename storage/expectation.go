package storage

import "fmt"

// Expectation is what an append demands of its stream. The zero value is no
// expectation at all and is refused, so that a forgotten one never passes.
type Expectation struct {
	kind    expectationKind
	version Version
}

type expectationKind uint8

const (
	expectUnspecified expectationKind = iota
	expectAny
	expectExists
	expectVersion
)

// ExpectAny demands nothing.
func ExpectAny() Expectation { return Expectation{kind: expectAny} }

// ExpectNoStream demands that the stream was never written to. It is the same
// as ExpectVersion(0).
func ExpectNoStream() Expectation { return ExpectVersion(0) }

// ExpectExists demands at least one event.
func ExpectExists() Expectation { return Expectation{kind: expectExists} }

// ExpectVersion demands exactly this version.
func ExpectVersion(v Version) Expectation { return Expectation{kind: expectVersion, version: v} }

// IsZero tells whether nothing was expected, which is a fault of the caller.
func (e Expectation) IsZero() bool { return e.kind == expectUnspecified }

// IsAny tells whether nothing is demanded.
func (e Expectation) IsAny() bool { return e.kind == expectAny }

// IsExists tells whether at least one event is demanded.
func (e Expectation) IsExists() bool { return e.kind == expectExists }

// Exact is the version demanded, and whether one is.
func (e Expectation) Exact() (Version, bool) { return e.version, e.kind == expectVersion }

// Holds judges the expectation against a stream's version.
func (e Expectation) Holds(actual Version) bool {
	switch e.kind {
	case expectAny:
		return true
	case expectExists:
		return actual > 0
	case expectVersion:
		return actual == e.version
	default:
		return false
	}
}

// String names the expectation for people.
func (e Expectation) String() string {
	switch e.kind {
	case expectAny:
		return "any version"
	case expectExists:
		return "an existing stream"
	case expectVersion:
		if e.version == 0 {
			return "no stream"
		}
		return fmt.Sprintf("version %d", e.version)
	default:
		return "nothing stated"
	}
}
