package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stet-db/stet/internal/strictjson"
	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// envelopeDepth is how deep a body nests around the deepest data: an object with
// a list of objects.
const envelopeDepth = 3

// object is a JSON object being read: the members that it may have, each as its
// text. Of all faults in a body the first is kept, by the root of all objects.
type object struct {
	path    string
	members map[string]json.RawMessage
	err     *error
}

// readBody takes a body that is one object with these members. A text that is no
// JSON is refused with 400, one that is JSON and not strict with 422.
func readBody(body []byte, members ...string) (*object, error) {
	if err := checkBody(body); err != nil {
		return nil, err
	}
	o := &object{err: new(error)}
	o.read(body, members)
	return o, *o.err
}

// checkBody refuses what is not strict JSON.
func checkBody(body []byte) error {
	err := strictjson.Check(body, storage.JSONDepth+envelopeDepth)
	if err == nil {
		return nil
	}
	fault, ok := errors.AsType[*strictjson.Error](err)
	if !ok || !json.Valid(body) {
		return badForm(CodeNotJSON, "the body is not JSON: "+err.Error())
	}
	return unprocessable(aggregate.CodeInvalidRequest, strictjson.PathTo(body, fault.Offset), fault.Error())
}

// read takes the members, exactly by their names, and refuses others.
func (o *object) read(raw []byte, members []string) {
	if json.Unmarshal(raw, &o.members) != nil || o.members == nil {
		o.fault("", "is not an object")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if !slices.Contains(members, name) {
			o.fault(name, fmt.Sprintf("is unknown; here may be %q", members))
			return
		}
	}
}

func (o *object) fault(member, problem string) {
	path := o.path
	if member != "" {
		path = strictjson.Child(path, member)
	}
	o.faultAt(path, problem)
}

func (o *object) faultAt(path, problem string) {
	if *o.err == nil {
		*o.err = unprocessable(aggregate.CodeInvalidRequest, path, problem)
	}
}

func (o *object) has(member string) bool { return o.members[member] != nil }

// inner is a member that is an object with these members; empty when it is not
// there.
func (o *object) inner(member string, members ...string) *object {
	out := &object{path: strictjson.Child(o.path, member), err: o.err}
	if o.has(member) {
		out.read(o.members[member], members)
	}
	return out
}

// list are the objects of a member.
func (o *object) list(member string, members ...string) []*object {
	if !o.has(member) {
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(o.members[member], &items) != nil || items == nil {
		o.fault(member, "is not a list of objects")
		return nil
	}
	out := make([]*object, len(items))
	for i := range items {
		out[i] = &object{path: strictjson.Element(strictjson.Child(o.path, member), i), err: o.err}
		out[i].read(items[i], members)
	}
	return out
}

func isString(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '"' }

func (o *object) text(member string) string {
	var s string
	if raw := o.members[member]; raw != nil && (!isString(raw) || json.Unmarshal(raw, &s) != nil) {
		o.fault(member, "is not a text")
	}
	return s
}

// nonEmpty is a text that says something, where it is there.
func (o *object) nonEmpty(member string) string {
	s := o.text(member)
	if s == "" && o.has(member) {
		o.fault(member, "is empty; leave it out")
	}
	return s
}

func (o *object) flag(member string) bool {
	switch raw := string(o.members[member]); raw {
	case "", "false":
		return false
	case "true":
		return true
	default:
		o.fault(member, "is not true or false")
		return false
	}
}

func (o *object) uint(member string, bits int) uint64 {
	raw := o.members[member]
	if raw == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(raw), 10, bits)
	if err != nil {
		o.fault(member, fmt.Sprintf("is %.64s; want a whole number from 0 on", raw))
	}
	return n
}

func (o *object) version(member string) *storage.Version {
	if !o.has(member) {
		return nil
	}
	v := storage.Version(o.uint(member, 64))
	return &v
}

func (o *object) texts(member string) []string {
	if !o.has(member) {
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(o.members[member], &items) != nil || items == nil {
		o.fault(member, "is not a list of texts")
		return nil
	}
	out := make([]string, len(items))
	for i, raw := range items {
		if !isString(raw) || json.Unmarshal(raw, &out[i]) != nil {
			o.faultAt(strictjson.Element(strictjson.Child(o.path, member), i), "is not a text")
		}
	}
	return out
}

func (o *object) textMap(member string) map[string]string {
	if !o.has(member) {
		return nil
	}
	inner := &object{path: strictjson.Child(o.path, member), err: o.err}
	if json.Unmarshal(o.members[member], &inner.members) != nil || inner.members == nil {
		o.fault(member, "is not an object of texts")
		return nil
	}
	out := make(map[string]string, len(inner.members))
	for _, key := range slices.Sorted(maps.Keys(inner.members)) {
		out[key] = inner.text(key)
	}
	return out
}

// moment is a time, as an integer or in RFC 3339.
func (o *object) moment(member string) (m aggregate.Moment, at time.Time) {
	raw := o.members[member]
	if raw == nil {
		return m, at
	}
	said := string(raw)
	if isString(raw) {
		said = o.text(member)
	}
	m, err := aggregate.ParseMoment(said)
	if err != nil {
		o.fault(member, err.Error())
		return m, at
	}
	if at, err = time.Parse(time.RFC3339, said); err != nil {
		at = m.First.Time() // an integer
	}
	return m, at
}

// Members of the metadata of one event; of a command, for all its events; and of
// both together.
var (
	eventMembers   = []string{"actor", "occurred_at", "correlation_id", "causation_id", "event_id", "schema_version", "tags", "extra"}
	commandMembers = []string{"previous_length", "skip_occ"}
	bothMembers    = slices.Concat(eventMembers, commandMembers)
)

// metadata reads the members that events have.
func (o *object) metadata() aggregate.Metadata {
	m := aggregate.Metadata{
		CorrelationID: o.nonEmpty("correlation_id"), CausationID: o.nonEmpty("causation_id"), EventID: o.nonEmpty("event_id"),
		SchemaVersion: uint32(o.uint("schema_version", 32)), Tags: o.texts("tags"), Extra: o.textMap("extra"),
	}
	if o.has("schema_version") && m.SchemaVersion == 0 {
		o.fault("schema_version", "is 0; want a whole number from 1 on")
	}
	_, m.OccurredAt = o.moment("occurred_at")
	if o.has("actor") {
		actor := o.inner("actor", "type", "id")
		m.Actor = &aggregate.Actor{Type: actor.text("type"), ID: actor.text("id")}
	}
	return m
}

// newEvent reads one event of a list.
func (o *object) newEvent() aggregate.NewEvent {
	e := aggregate.NewEvent{Type: o.text("type"), Data: o.members["data"]}
	if e.Type == "" {
		o.fault("type", "is missing; give the name of the event")
	}
	e.Metadata = o.inner("metadata", eventMembers...).metadata()
	return e
}
