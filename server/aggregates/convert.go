package aggregates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/server/convert"
	"github.com/stet-db/stet/storage"
)

// faults gathers what is wrong with a request while it is converted.
type faults struct{ convert.Faults }

// time converts and checks a time; nil is the zero time. What is below a
// microsecond is dropped.
func (f *faults) time(field string, in *timestamppb.Timestamp) time.Time {
	if f.Instant(field, in) == nil {
		return time.Time{}
	}
	return storage.InstantOf(in.AsTime()).Time()
}

// moment is a time up to which something counts; nil stays nil.
func (f *faults) moment(field string, in *timestamppb.Timestamp) *aggregate.Moment {
	if f.Instant(field, in) == nil {
		return nil
	}
	m := aggregate.MomentOf(storage.InstantOf(in.AsTime()))
	return &m
}

func (f *faults) duration(field string, in *durationpb.Duration) time.Duration {
	if in == nil {
		return 0
	}
	if !in.IsValid() {
		f.Add(field, "is out of range")
		return 0
	}
	return in.AsDuration()
}

func (f *faults) point(field string, in *stetv1.Point) aggregate.Point {
	switch at := in.GetAt().(type) {
	case *stetv1.Point_Length:
		length := storage.Version(at.Length)
		return aggregate.Point{Length: &length}
	case *stetv1.Point_Time:
		return aggregate.Point{Time: f.moment(field+".time", at.Time)}
	default:
		return aggregate.Point{}
	}
}

func lengthOf(in *uint64) *storage.Version {
	if in == nil {
		return nil
	}
	v := storage.Version(*in)
	return &v
}

// command is the request as the service of aggregates takes it. One event is
// the same command as one event over HTTP.
func (f *faults) command(req *stetv1.ExecuteRequest) *aggregate.Command {
	c := &aggregate.Command{
		Type: req.GetType(), ID: req.GetId(), Batch: len(req.GetEvents()) != 1, Metadata: f.metadata("metadata", req.GetMetadata()),
		PreviousLength: lengthOf(req.PreviousLength), SkipOCC: req.GetSkipOcc(),
		RequestID: req.GetRequestId(), WithState: req.GetWithState(),
	}
	for i, e := range req.GetEvents() {
		c.Events = append(c.Events, f.proposed(fmt.Sprintf("events[%d]", i), e))
	}
	return c
}

func (f *faults) proposed(path string, e *stetv1.ProposedEvent) aggregate.NewEvent {
	return aggregate.NewEvent{Type: e.GetType(), Data: []byte(e.GetData()), Metadata: f.metadata(path+".metadata", e.GetMetadata())}
}

func (f *faults) metadata(path string, m *stetv1.EventMetadata) aggregate.Metadata {
	out := aggregate.Metadata{
		OccurredAt: f.time(path+".occurred_at", m.GetOccurredAt()), CorrelationID: m.GetCorrelationId(), CausationID: m.GetCausationId(),
		EventID: m.GetEventId(), SchemaVersion: m.GetSchemaVersion(), Tags: m.GetTags(), Extra: m.GetExtra(),
	}
	if a := m.GetActor(); a != nil {
		out.Actor = &aggregate.Actor{Type: a.GetType(), ID: a.GetId()}
	}
	return out
}

func (f *faults) fixture(req *stetv1.TestSpecRequest) *aggregate.Fixture {
	out := &aggregate.Fixture{Type: req.GetType(), ID: req.GetId(), Spec: optional(req.Spec), Expect: optional(req.Expect)}
	for _, g := range req.GetGiven() {
		out.Given = append(out.Given, aggregate.GivenState{Type: g.GetType(), ID: g.GetId(), State: []byte(g.GetState())})
	}
	for i, e := range req.GetEvents() {
		path := fmt.Sprintf("events[%d]", i)
		event := aggregate.FixtureEvent{NewEvent: f.proposed(path, e.GetEvent()), Refused: e.GetRefused()}
		if m := f.moment(path+".recorded_at", e.GetRecordedAt()); m != nil {
			event.RecordedAt = &m.First
		}
		out.Events = append(out.Events, event)
	}
	return out
}

// optional is a text that may be left out; one that is there is not nil.
func optional(text *string) []byte {
	if text == nil {
		return nil
	}
	return append([]byte{}, *text...)
}

func stateToProto(s *replay.State) *stetv1.State {
	out := &stetv1.State{
		Data: s.Value.String(), Length: uint64(s.Version), Position: uint64(s.Position),
		Skipped: s.Skipped, MoreWarnings: s.MoreWarnings,
	}
	if s.Version > 0 {
		out.CreatedAt, out.UpdatedAt = convert.Timestamp(s.CreatedAt), convert.Timestamp(s.UpdatedAt)
	}
	for i := range s.Warnings {
		out.Warnings = append(out.Warnings, warningToProto(s.Warnings[i].Event, &s.Warnings[i].Warning))
	}
	return out
}

func warningToProto(event string, w *tick.Warning) *stetv1.HandlerWarning {
	return &stetv1.HandlerWarning{Event: event, Path: w.Path, Reason: w.Reason.String(), Problem: w.Problem, Count: uint64(w.Count)}
}

func warningsToProto(event string, list []tick.Warning) []*stetv1.HandlerWarning {
	var out []*stetv1.HandlerWarning
	for i := range list {
		out = append(out, warningToProto(event, &list[i]))
	}
	return out
}

// patchToProto is the patch as JSON. Marshalling values cannot fail.
func patchToProto(p replay.Patch) string {
	if len(p) == 0 {
		return "[]"
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // into memory, of values that are JSON already
	return string(bytes.TrimSpace(text.Bytes()))
}

func viewToProto(v *aggregate.View) *stetv1.AggregateEvent {
	m := &stetv1.EventMetadata{
		CorrelationId: v.Meta.CorrelationID, CausationId: v.Meta.CausationID, EventId: v.ID.String(),
		SchemaVersion: v.Meta.SchemaVersion, Tags: v.Meta.Tags, Extra: v.Meta.Extra,
	}
	if a := v.Meta.Actor; a != nil {
		m.Actor = &stetv1.Actor{Type: a.Type, Id: a.ID}
	}
	if !v.Meta.OccurredAt.IsZero() {
		m.OccurredAt = timestamppb.New(v.Meta.OccurredAt)
	}
	return &stetv1.AggregateEvent{
		StreamId: v.StreamID.String(), Version: uint64(v.Version), Position: uint64(v.Position), Type: v.Type, Data: string(v.Data),
		RecordedAt: convert.Timestamp(v.RecordedAt), Metadata: m, KeyId: v.KeyName,
	}
}

func specWarningsToProto(list []spec.Warning) []*stetv1.SpecWarning {
	var out []*stetv1.SpecWarning
	for _, w := range list {
		out = append(out, &stetv1.SpecWarning{Path: w.Path, Problem: w.Problem})
	}
	return out
}

func specVersionToProto(v *aggregate.SpecVersion) *stetv1.SpecVersion {
	return &stetv1.SpecVersion{Version: uint64(v.Version), RecordedAt: convert.Timestamp(v.RecordedAt), KeyId: v.KeyName, Bytes: uint64(v.Bytes)}
}

func fixtureResultToProto(r *aggregate.FixtureResult) *stetv1.TestSpecResponse {
	out := &stetv1.TestSpecResponse{
		Passed: r.Passed, State: stateToProto(&r.State), Patch: patchToProto(r.Patch), Warnings: specWarningsToProto(r.Warnings),
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, &stetv1.FieldViolation{Field: p.Path, Description: p.Problem})
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		out.Steps = append(out.Steps, &stetv1.TestSpecResponse_Step{
			Index: uint32(s.Index), Type: s.Type, Patch: patchToProto(s.Patch), Known: s.Known, Warnings: warningsToProto(s.Type, s.Warnings),
		})
	}
	return out
}
