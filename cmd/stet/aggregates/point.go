package aggregates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/replay/aggregate"
)

// moment is a flag that holds a time with its unit, as in the API over HTTP.
type moment struct {
	text string
	aggregate.Moment
}

// String, Set and Type are those of pflag.Value.
func (m *moment) String() string { return m.text }

// Set reads seconds or milliseconds since 1970, or RFC 3339.
func (m *moment) Set(s string) (err error) {
	m.Moment, err = aggregate.ParseMoment(s)
	m.text = s
	return err
}

// Type names what Set wants.
func (m *moment) Type() string { return "TIME" }

// last is the last instant of the unit: a state as of 12:00:07 has all that was
// recorded in that second. nil: no time was given.
func (m *moment) last() *timestamppb.Timestamp {
	if m.text == "" {
		return nil
	}
	return timestamppb.New((m.Until - 1).Time())
}

// pointOf is the point that a length or a time names, of which at most one may
// be given. nil: none is.
func pointOf(lengthFlag string, given bool, length uint64, timeFlag string, m *moment) (*stetv1.Point, error) {
	switch at := m.last(); {
	case given && at != nil:
		return nil, console.Usage(fmt.Sprintf("give one of --%s and --%s", lengthFlag, timeFlag))
	case given:
		return &stetv1.Point{At: &stetv1.Point_Length{Length: length}}, nil
	case at != nil:
		return &stetv1.Point{At: &stetv1.Point_Time{Time: at}}, nil
	}
	return nil, nil
}

// change is one operation of a JSON Patch (RFC 6902).
type change struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// changesOf are the lines that show a patch, one operation each.
func changesOf(patch string) ([]string, error) {
	var changes []change
	if err := json.Unmarshal([]byte(patch), &changes); err != nil {
		return nil, fmt.Errorf("the server's answer: the patch: %w", err)
	}
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = strings.TrimSpace(fmt.Sprintf("%-7s %s %s", c.Op, c.Path, c.Value))
	}
	return out, nil
}

// eventLine is an event for people: version, time, name, data, and who.
func eventLine(e *stetv1.AggregateEvent) string {
	var data bytes.Buffer
	if json.Compact(&data, []byte(e.GetData())) != nil {
		data.WriteString(e.GetData())
	}
	line := fmt.Sprintf("%d  %s  %s  %s", e.GetVersion(), e.GetRecordedAt().AsTime().Format("2006-01-02T15:04:05.000Z"), e.GetType(), data.String())
	if a := e.GetMetadata().GetActor(); a != nil {
		line += "  by " + a.GetType() + " " + a.GetId()
	}
	return line
}

// event is an event in JSON output.
type event struct {
	Version    uint64          `json:"version"`
	Position   uint64          `json:"position"`
	StreamID   string          `json:"stream_id"`
	Type       string          `json:"type"`
	RecordedAt string          `json:"recorded_at"`
	OccurredAt string          `json:"occurred_at,omitempty"`
	Actor      *actor          `json:"actor,omitempty"`
	ID         string          `json:"id"`
	Tags       []string        `json:"tags,omitempty"`
	Data       json.RawMessage `json:"data"`
}

type actor struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func eventOf(e *stetv1.AggregateEvent) event {
	m := e.GetMetadata()
	out := event{
		Version: e.GetVersion(), Position: e.GetPosition(), StreamID: e.GetStreamId(), Type: e.GetType(), RecordedAt: stamp(e.GetRecordedAt()),
		OccurredAt: stamp(m.GetOccurredAt()), ID: m.GetEventId(), Tags: m.GetTags(), Data: raw(e.GetData()),
	}
	if a := m.GetActor(); a != nil {
		out.Actor = &actor{a.GetType(), a.GetId()}
	}
	return out
}

// warning is what a handler could not do, in JSON output.
type warning struct {
	Event   string `json:"event"`
	Path    string `json:"path"`
	Reason  string `json:"reason"`
	Problem string `json:"problem"`
	Count   uint64 `json:"count"`
}

func warningsOf(list []*stetv1.HandlerWarning) []warning {
	var out []warning
	for _, w := range list {
		out = append(out, warning{w.GetEvent(), w.GetPath(), w.GetReason(), w.GetProblem(), w.GetCount()})
	}
	return out
}

// stamp is a time in answers; empty for none.
func stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return console.Stamp(time.Time{})
	}
	return console.Stamp(t.AsTime())
}

func indent(text string) (string, error) {
	var out bytes.Buffer
	err := json.Indent(&out, []byte(text), "", "  ")
	return out.String() + "\n", err
}
