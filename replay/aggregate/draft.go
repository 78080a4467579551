package aggregate

import (
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/stet-db/stet/replay"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/value"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/record"
)

// draft is an event on its way into the log: valid by itself, and not yet
// judged by the conditions of its type.
type draft struct {
	typ    *ruledType
	event  *spec.Event
	id     string // of the aggregate
	stream string
	// path leads to the event in the request.
	path string
	// stored is what is written.
	stored storage.NewEvent
	// input is the event as the fold will see it, but for its place and time.
	input replay.Event
	// present is the data as the present specification has it.
	present value.Value
	// meta is what the client said, to be inherited by what the event implies.
	meta Metadata
}

// drafter makes drafts.
type drafter struct {
	book   *rulebook
	limits *storage.Limits
	// keyName is stamped on all events.
	keyName string
}

// proposal is one event as somebody wants it.
type proposal struct {
	typ  *ruledType
	id   string // as stored
	path string
	name string
	data []byte
	meta Metadata
	// code replaces the words of refusals where the client did not write the
	// event itself.
	code string
}

// draft validates an event by everything but the states of aggregates.
func (d *drafter) draft(p *proposal) (*draft, error) {
	event, ok := p.typ.Event(p.name)
	if !ok {
		return nil, &Refusal{
			Kind: Missing, Code: p.word(CodeUnknownEvent), Path: p.path,
			Problem: fmt.Sprintf("aggregate type %q has no event %q", p.typ.Name(), p.name),
		}
	}
	out := &draft{typ: p.typ, event: event, id: p.id, stream: p.typ.Stream(p.id), path: p.path, meta: p.meta}
	if len(p.data) == 0 {
		p.data = []byte("{}")
	}
	data, err := parseData(p)
	if err != nil {
		return nil, err
	}
	if err := d.actor(p); err != nil {
		return nil, err
	}
	version, err := out.check(p, data)
	if err != nil {
		return nil, err
	}
	if err := d.encode(out, p, version); err != nil {
		return nil, err
	}
	out.input = out.inputOf(p, data, version, d.keyName)
	return out, nil
}

func (p *proposal) word(code string) string {
	if p.code != "" {
		return p.code
	}
	return code
}

func parseData(p *proposal) (value.Value, error) {
	path := under(p.path, "data")
	data, err := value.Parse(p.data)
	if err != nil {
		return value.Value{}, refuseParse(p.word(CodeInvalidData), path, err)
	}
	if !data.IsObject() {
		return value.Value{}, refuseAt(p.word(CodeInvalidData), path, "the data of an event is an object")
	}
	return data, nil
}

// check holds the data, in its present form, against the schema, and gives the
// schema version that it has.
func (out *draft) check(p *proposal, data value.Value) (uint32, error) {
	version := p.meta.SchemaVersion
	if version == 0 {
		version = out.event.Version()
	}
	present, _, err := out.event.Upcast(data, version)
	if err != nil {
		return 0, refuseAt(p.word(CodeInvalidMetadata), under(p.path, "metadata.schema_version"), err.Error())
	}
	out.present = present
	if found := out.event.CheckData(present); len(found) > 0 {
		faults := make([]Fault, len(found))
		for i, f := range found {
			faults[i] = Fault{under(p.path, under("data", f.Path)), f.Problem}
		}
		return 0, refuseAll(p.word(CodeInvalidData), faults)
	}
	return version, nil
}

func (d *drafter) actor(p *proposal) error {
	path := under(p.path, "metadata.actor")
	types := d.book.spec.AgentTypes()
	a := p.meta.Actor
	switch {
	case a == nil && len(types) == 0:
		return nil
	case a == nil:
		return refuseAt(p.word(CodeInvalidActor), path, fmt.Sprintf("is missing; give a type, one of %q, and an id", types))
	case !d.book.spec.HasAgentType(a.Type):
		return refuseAt(p.word(CodeInvalidActor), path+".type", fmt.Sprintf("is %q; the specification allows %q", a.Type, types))
	}
	const most = 256
	if problem := storage.TextProblem(a.Type, most); problem != "" {
		return refuseAt(p.word(CodeInvalidActor), path+".type", problem)
	}
	if problem := storage.TextProblem(a.ID, most); problem != "" {
		return refuseAt(p.word(CodeInvalidActor), path+".id", problem)
	}
	return nil
}

// encode makes the stored form, with an id.
func (d *drafter) encode(out *draft, p *proposal, version uint32) error {
	metadata, err := d.metadata(p)
	if err != nil {
		return err
	}
	e := storage.Event{
		Type: p.name, SchemaVersion: version, OccurredAt: p.meta.OccurredAt, Metadata: metadata,
		Tags: p.meta.Tags, Kind: storage.PayloadJSON, Payload: p.data,
	}
	if p.meta.EventID != "" {
		if e.ID, err = storage.ParseEventID(p.meta.EventID); err != nil {
			return refuseAt(p.word(CodeInvalidMetadata), under(p.path, "metadata.event_id"), err.Error())
		}
	}
	var violations []storage.Violation
	if out.stored, violations = record.NewEventOf(&e, *d.limits); len(violations) > 0 {
		faults := make([]Fault, len(violations))
		for i, v := range violations {
			faults[i] = Fault{under(p.path, under("metadata", fieldOf(v.Field))), v.Problem}
		}
		return refuseAll(p.word(CodeInvalidMetadata), faults)
	}
	if out.stored.ServerMadeID {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("make an event id: %w", err)
		}
		out.stored.ID = storage.EventID(id)
	}
	if size := record.SizeBound(out.stream, &out.stored); size > d.limits.EventBytes {
		return refuseAt(p.word(CodeInvalidData), p.path, fmt.Sprintf("may take %d bytes as stored; at most %d are allowed", size, d.limits.EventBytes))
	}
	return nil
}

// fieldOf is what a client calls a part of the stored metadata.
func fieldOf(stored string) string {
	key, isEntry := strings.CutPrefix(stored, "metadata[")
	switch key = strings.TrimSuffix(key, "]"); {
	case stored == "metadata":
		return "" // all of it together
	case !isEntry:
		return stored
	case key == replay.KeyCorrelationID || key == replay.KeyCausationID:
		return key
	default:
		return "extra[" + key + "]"
	}
}

// metadata is what is stored beside the payload.
func (d *drafter) metadata(p *proposal) (map[string]string, error) {
	m := make(map[string]string, len(p.meta.Extra)+4)
	for key := range p.meta.Extra {
		if replay.IsReservedKey(key) {
			return nil, refuseAt(p.word(CodeInvalidMetadata), member(under(p.path, "metadata.extra"), key), "has a meaning of its own and cannot be one of the further keys")
		}
	}
	maps.Copy(m, p.meta.Extra)
	put := func(key, text string) {
		if text != "" {
			m[key] = text
		}
	}
	if a := p.meta.Actor; a != nil {
		put(replay.KeyActorType, a.Type)
		put(replay.KeyActorID, a.ID)
	}
	put(replay.KeyCorrelationID, p.meta.CorrelationID)
	put(replay.KeyCausationID, p.meta.CausationID)
	put(replay.KeyKeyID, d.keyName)
	if len(m) == 0 {
		return nil, nil
	}
	return m, nil
}

// inputOf is the event as the fold sees it.
func (out *draft) inputOf(p *proposal, data value.Value, version uint32, keyName string) replay.Event {
	var e replay.Event
	e.AggregateType, e.ID, e.Type, e.Data = p.typ.Name(), p.id, p.name, data
	m := &e.Metadata
	if a := p.meta.Actor; a != nil {
		m.ActorType, m.ActorID = a.Type, a.ID
	}
	m.OccurredAt, m.CorrelationID, m.CausationID = p.meta.OccurredAt, p.meta.CorrelationID, p.meta.CausationID
	m.EventID, m.KeyID, m.SchemaVersion = out.stored.ID.String(), keyName, uint64(version)
	m.Tags, m.Extra = p.meta.Tags, p.meta.Extra
	return e
}
