package httpapi

import (
	"fmt"
	"net/http"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/replay/aggregate"
)

// postEvent answers POST /{type}/{id}/{event}.
func (c *call) postEvent() error {
	command, err := c.command()
	if err != nil {
		return err
	}
	body, err := c.body(c.api.o.Limits.RequestBytes)
	if err != nil {
		return err
	}
	if err := singleEvent(command, c.event, body); err != nil {
		return err
	}
	return c.execute(http.StatusCreated, command)
}

// command begins a command for the aggregate of the path.
func (c *call) command() (*aggregate.Command, error) {
	command := &aggregate.Command{Type: c.typ, ID: c.id, KeyName: c.key.Name, WithState: c.q.flag("state")}
	if c.q.err != nil {
		return nil, c.q.err
	}
	if command.WithState { // who may only write learns no state by writing
		if err := c.api.o.Keys.Need(c.key, keyring.Read); err != nil {
			return nil, err
		}
	}
	var err error
	command.RequestID, err = c.requestID()
	return command, err
}

// singleEvent reads {"data", "metadata"}.
func singleEvent(command *aggregate.Command, name string, body []byte) error {
	o, err := readBody(body, "data", "metadata")
	if err != nil {
		return err
	}
	metadata := o.inner("metadata", bothMembers...)
	command.Events = []aggregate.NewEvent{{Type: name, Data: o.members["data"], Metadata: metadata.metadata()}}
	command.PreviousLength, command.SkipOCC = metadata.version("previous_length"), metadata.flag("skip_occ")
	return *o.err
}

// postBatch answers POST /{type}/{id}.
func (c *call) postBatch() error {
	command, err := c.command()
	if err != nil {
		return err
	}
	body, err := c.body(c.api.o.Limits.RequestBytes)
	if err != nil {
		return err
	}
	if err := batch(command, body); err != nil {
		return err
	}
	return c.execute(http.StatusCreated, command)
}

// batch reads {"events", "metadata"}.
func batch(command *aggregate.Command, body []byte) error {
	o, err := readBody(body, "events", "metadata")
	if err != nil {
		return err
	}
	metadata := o.inner("metadata", bothMembers...)
	command.Batch = true
	command.Metadata = metadata.metadata()
	command.PreviousLength, command.SkipOCC = metadata.version("previous_length"), metadata.flag("skip_occ")
	for _, e := range o.list("events", "type", "data", "metadata") {
		command.Events = append(command.Events, e.newEvent())
		if *o.err != nil {
			return *o.err
		}
	}
	if len(command.Events) == 0 {
		o.fault("events", fmt.Sprintf("must be a list of at least one event: %s", `{"type", "data", "metadata"}`))
	}
	return *o.err
}

// execute writes the events and tells where they are.
func (c *call) execute(status int, command *aggregate.Command) error {
	out, err := c.api.o.Aggregates.Execute(c.ctx, command)
	if err != nil {
		return err
	}
	if out.Replayed {
		c.w.Header().Set(headerReplayed, "true")
	}
	t := okay()
	if command.Batch {
		t.key("stream_ids")
		t.strs(out.StreamIDs)
		t.memberInt("count", int64(len(out.StreamIDs)))
	} else {
		t.memberStr("stream_id", out.StreamIDs[0])
	}
	t.memberUint("length", uint64(out.Length))
	t.memberUint("position", uint64(out.Position))
	if out.Implied > 0 {
		t.memberInt("implied_count", int64(out.Implied))
	}
	if command.WithState {
		t.key("state")
		t.value(out.State)
	}
	return c.reply(status, t)
}
