package aggregates

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func (c *commands) diff() *cobra.Command {
	var from, to struct {
		length uint64
		time   moment
	}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff TYPE ID",
		Short: "Print what changed in an aggregate between two points",
		Long: `Print the change that makes the state of an aggregate at one point of that at
another, and the events between them. Without --from-length and --from-time the
one point is the empty state before the first event; without --to-length and
--to-time the other is now. Times are as in 'stet state'.`,
		Example: `  stet diff account 42 --from-length 1
  stet diff account 42 --from-time 2026-01-02T03:04:05Z --to-length 2 --json`,
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	f.Uint64Var(&from.length, "from-length", 0, "from the state after the first `N` events")
	f.Var(&from.time, "from-time", "from the state as of then")
	f.Uint64Var(&to.length, "to-length", 0, "to the state after the first `N` events")
	f.Var(&to.time, "to-time", "to the state as of then")
	f.BoolVar(&asJSON, "json", false, "print one JSON object, with the change as a JSON Patch (RFC 6902)")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		request := &stetv1.DiffRequest{Type: args[0], Id: args[1]}
		var err error
		if request.From, err = pointOf("from-length", cmd.Flags().Changed("from-length"), from.length, "from-time", &from.time); err != nil {
			return err
		}
		if request.From == nil { // left out means now to the server
			request.From = &stetv1.Point{At: &stetv1.Point_Length{Length: 0}}
		}
		if request.To, err = pointOf("to-length", cmd.Flags().Changed("to-length"), to.length, "to-time", &to.time); err != nil {
			return err
		}
		answer, err := api.Diff(cmd.Context(), request)
		if err != nil {
			return err
		}
		return c.showDiff(request, answer, asJSON)
	})
}

// diffAnswer is a difference in JSON output.
type diffAnswer struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"`
	FromLength uint64          `json:"from_length"`
	ToLength   uint64          `json:"to_length"`
	Patch      json.RawMessage `json:"patch"`
	Events     []event         `json:"events"`
	Next       uint64          `json:"next,omitempty"`
}

func (c *commands) showDiff(request *stetv1.DiffRequest, d *stetv1.DiffResponse, asJSON bool) error {
	if asJSON {
		out := diffAnswer{
			Type: request.GetType(), ID: request.GetId(), FromLength: d.GetFromLength(), ToLength: d.GetToLength(),
			Patch: raw(d.GetPatch()), Events: []event{}, Next: d.GetNextAfter(),
		}
		for _, e := range d.GetEvents() {
			out.Events = append(out.Events, eventOf(e))
		}
		return console.PrintJSON(c.stdout, out)
	}
	changes, err := changesOf(d.GetPatch())
	if err != nil {
		return err
	}
	c.say("from length %d to %d", d.GetFromLength(), d.GetToLength())
	for _, line := range changes {
		if err := c.print("%s", line); err != nil {
			return err
		}
	}
	for _, e := range d.GetEvents() {
		if err := c.print("%s", eventLine(e)); err != nil {
			return err
		}
	}
	if next := d.GetNextAfter(); next > 0 {
		c.say("there are more events, after version %d: see 'stet trace'", next)
	}
	return nil
}

// traceOptions are the flags of trace.
type traceOptions struct {
	length, after, limit uint64
	at                   moment
	states, json         bool
}

func (c *commands) trace() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace TYPE ID",
		Short: "Print each event of an aggregate and what it changed",
		Long: `Print each event of an aggregate, who did it, and below it the change that it
made to the state: why it is what it is. Times are as in 'stet state'.`,
		Example: `  stet trace account 42
  stet trace account 42 --after 1 --limit 1 --states --json`,
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	f.Uint64Var(&o.length, "at-length", 0, "only the first `N` events")
	f.Var(&o.at, "at", "only events recorded until then")
	f.Uint64Var(&o.after, "after", 0, "begin after version `N`")
	f.Uint64Var(&o.limit, "limit", 0, "at most `N` events (default: all)")
	f.BoolVar(&o.states, "states", false, "with the state after each event")
	f.BoolVar(&o.json, "json", false, "print JSON lines, with the change as a JSON Patch (RFC 6902)")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		point, err := pointOf("at-length", cmd.Flags().Changed("at-length"), o.length, "at", &o.at)
		if err != nil {
			return err
		}
		request := &stetv1.TraceRequest{Type: args[0], Id: args[1], At: point, After: o.after, WithStates: o.states}
		if o.limit > 0 && o.limit < 1000 {
			request.PageSize = uint32(o.limit)
		}
		return c.showTrace(cmd.Context(), api, request, &o)
	})
}

// step is a step of a trace in JSON output.
type step struct {
	event
	Known    bool            `json:"known"`
	Patch    json.RawMessage `json:"patch"`
	Warnings []warning       `json:"warnings,omitempty"`
	State    json.RawMessage `json:"state,omitempty"`
}

func (c *commands) showTrace(ctx context.Context, api *client.Client, request *stetv1.TraceRequest, o *traceOptions) (err error) {
	buffered := bufio.NewWriter(c.stdout)
	defer func() { err = errors.Join(err, buffered.Flush()) }()
	out := &commands{c.stdin, buffered, c.stderr}
	shown := uint64(0)
	for s, err := range api.Trace(ctx, request) {
		if err != nil {
			return err
		}
		if o.json {
			err = console.PrintJSON(buffered, step{eventOf(s.GetEvent()), s.GetKnown(), raw(s.GetPatch()), warningsOf(s.GetWarnings()), raw(s.GetState())})
		} else {
			err = out.showStep(s)
		}
		if err != nil {
			return err
		}
		if shown++; shown == o.limit {
			return nil
		}
	}
	return nil
}

func (c *commands) showStep(s *stetv1.TraceResponse_Step) error {
	lines := []string{eventLine(s.GetEvent())}
	changes, err := changesOf(s.GetPatch())
	if err != nil {
		return err
	}
	for _, line := range changes {
		lines = append(lines, "     "+line)
	}
	if !s.GetKnown() {
		lines = append(lines, "     skipped: the specification does not know this event")
	}
	for _, w := range s.GetWarnings() {
		lines = append(lines, fmt.Sprintf("     warning: %s: %s", w.GetPath(), w.GetProblem()))
	}
	if s.State != nil {
		lines = append(lines, "     = "+s.GetState())
	}
	for _, line := range lines {
		if err := c.print("%s", line); err != nil {
			return err
		}
	}
	return nil
}
