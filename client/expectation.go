package client

import (
	"fmt"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Expectation is what an append demands of its stream. The zero value is
// refused by the server, so that forgetting one never passes as
// [AnyVersion].
type Expectation struct {
	kind    expectationKind
	version uint64
}

type expectationKind uint8

const (
	expectNothingStated expectationKind = iota
	expectAny
	expectNoStream
	expectExists
	expectVersion
)

// AnyVersion demands nothing.
func AnyVersion() Expectation { return Expectation{kind: expectAny} }

// NoStream demands that the stream was never written to.
func NoStream() Expectation { return Expectation{kind: expectNoStream} }

// StreamExists demands that the stream has at least one event.
func StreamExists() Expectation { return Expectation{kind: expectExists} }

// ExactVersion demands that the stream is at this version, which is the number
// of events ever written to it; 0 is [NoStream], so that equal demands are
// equal values.
func ExactVersion(version uint64) Expectation {
	if version == 0 {
		return NoStream()
	}
	return Expectation{kind: expectVersion, version: version}
}

// Version is the version demanded; false when none is. [NoStream] demands 0.
func (e Expectation) Version() (uint64, bool) {
	return e.version, e.kind == expectVersion || e.kind == expectNoStream
}

// String is "any", "no stream", "exists", "version 3", or "none stated".
func (e Expectation) String() string {
	switch e.kind {
	case expectAny:
		return "any"
	case expectNoStream:
		return "no stream"
	case expectExists:
		return "exists"
	case expectVersion:
		return fmt.Sprintf("version %d", e.version)
	default:
		return "none stated"
	}
}

func (e Expectation) message() *stetv1.Expectation {
	var state stetv1.Expectation_State
	switch e.kind {
	case expectVersion:
		return &stetv1.Expectation{Kind: &stetv1.Expectation_Version{Version: e.version}}
	case expectAny:
		state = stetv1.Expectation_STATE_ANY
	case expectNoStream:
		state = stetv1.Expectation_STATE_NO_STREAM
	case expectExists:
		state = stetv1.Expectation_STATE_EXISTS
	default:
		return nil // the server names the choices
	}
	return &stetv1.Expectation{Kind: &stetv1.Expectation_State_{State: state}}
}

func expectationOf(m *stetv1.Expectation) Expectation {
	if v, ok := m.GetKind().(*stetv1.Expectation_Version); ok {
		return ExactVersion(v.Version)
	}
	switch m.GetState() {
	case stetv1.Expectation_STATE_ANY:
		return AnyVersion()
	case stetv1.Expectation_STATE_NO_STREAM:
		return NoStream()
	case stetv1.Expectation_STATE_EXISTS:
		return StreamExists()
	default:
		return Expectation{}
	}
}
