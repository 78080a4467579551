package httpapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/replay/spec"
	"github.com/stet-db/stet/replay/tick"
	"github.com/stet-db/stet/replay/value"
)

// alias is a path that the specification gives to one of its events.
type alias struct{ spec.Route }

// findAlias tells whether the path is one.
func (c *call) findAlias(parts []string) bool {
	s, _ := c.api.o.Aggregates.Spec()
	if s == nil {
		return false
	}
	for _, part := range parts {
		if strings.Contains(part, "/") {
			return false // it was encoded, so it is no part of a route's path
		}
	}
	r, ok := s.Route("/" + strings.Join(parts, "/"))
	if ok {
		c.alias = &alias{r}
	}
	return ok
}

// postAlias answers POST to an alias. The answer is 200, as its clients expect.
func (c *call) postAlias() error {
	c.typ, c.event = c.alias.Type, c.alias.Event
	command, err := c.command()
	if err != nil {
		return err
	}
	body, err := c.body(c.api.o.Limits.RequestBytes)
	if err != nil {
		return err
	}
	if err := c.alias.read(command, body); err != nil {
		return err
	}
	return c.execute(http.StatusOK, command)
}

// read makes the command, with the id and the actor that the route makes of the
// data.
func (a *alias) read(command *aggregate.Command, body []byte) error {
	path := "data"
	if a.Bare {
		path = ""
		if err := checkBody(body); err != nil {
			return err
		}
		command.Events = []aggregate.NewEvent{{Type: a.Event, Data: body}}
	} else if err := singleEvent(command, a.Event, body); err != nil {
		return err
	}
	e := &command.Events[0]
	if len(e.Data) == 0 {
		e.Data = []byte("{}")
	}
	data, err := value.Parse(e.Data)
	if err != nil {
		return unprocessable(aggregate.CodeInvalidData, path, err.Error())
	}
	scene := &tick.Scene{Event: &tick.Input{Data: data, AggregateType: a.Type, Type: a.Event}}
	if command.ID, err = made(a.ID, scene, aggregate.CodeInvalidID, path, "the id"); err != nil {
		return err
	}
	return a.actor(e, scene, path)
}

func (a *alias) actor(e *aggregate.NewEvent, scene *tick.Scene, path string) error {
	if a.Actor == nil {
		return nil
	}
	if e.Metadata.Actor != nil {
		return unprocessable(aggregate.CodeInvalidActor, "metadata.actor", "is made of the data here; leave it out")
	}
	typ, err := made(a.Actor.Type, scene, aggregate.CodeInvalidActor, path, "the type of the actor")
	if err != nil {
		return err
	}
	id, err := made(a.Actor.ID, scene, aggregate.CodeInvalidActor, path, "the id of the actor")
	e.Metadata.Actor = &aggregate.Actor{Type: typ, ID: id}
	return err
}

// made is the text that a template makes; numbers are printed.
func made(template *tick.Template, scene *tick.Scene, code, path, what string) (string, error) {
	v, err := template.Make(scene, nil)
	switch {
	case err != nil:
		return "", unprocessable(code, path, fmt.Sprintf("%s, which this route takes from the data, cannot be made: %v", what, err))
	case v.Kind() == value.KindString && v.Text() != "":
		return v.Text(), nil
	case v.Kind() == value.KindNumber:
		return v.String(), nil
	}
	return "", unprocessable(code, path, what+", which this route takes from the data, is not there or no text")
}
