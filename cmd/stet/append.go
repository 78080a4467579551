package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
)

// appendOptions are the flags of append.
type appendOptions struct {
	event      client.Event
	jsonData   string
	binaryFile string
	expect     string
	meta       []string
	occurredAt moment
	requestID  string
	json       bool
}

func (a *app) appendCommand() *cobra.Command {
	var o appendOptions
	cmd := &cobra.Command{
		Use:   "append STREAM --type TYPE [--json-data JSON]",
		Short: "Add an event to the end of a stream",
		Long: `Add one event to the end of a stream, and print where it is once it is on the
server's disk. Repeating the command with the same --request-id adds nothing.`,
		Example: `  stet append cart-1 --type ItemAdded --json-data '{"sku":"A1","price":29.99}' --expect none
  stet append cart-1 --type CheckedOut --expect 1 --tag customer:42 --meta actor_id=7
  echo '{"n":1}' | stet append cart-1 --type Counted --json-data -`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&o.event.Type, "type", "", "what happened, for example ItemAdded (required)")
	f.StringVar(&o.jsonData, "json-data", "{}", "the event's data as `JSON` text, or - to read it from stdin")
	f.StringVar(&o.binaryFile, "binary-file", "", "take the bytes of `FILE`, or of stdin when it is -, as the event's data instead of JSON")
	f.StringVar(&o.expect, "expect", "any", "what the stream must be like: any, none (never written to), exists, or its `VERSION`")
	f.StringArrayVar(&o.event.Tags, "tag", nil, "a `TAG` to filter by, for example customer:42 (repeatable)")
	f.StringArrayVar(&o.meta, "meta", nil, "metadata as `KEY=VALUE`, for example correlation_id=9 (repeatable)")
	f.StringVar(&o.event.ID, "id", "", "the event's `UUID` (default: the server makes one)")
	f.Var(&o.occurredAt, "occurred-at", "when it happened, if not now: 2026-01-02T03:04:05Z")
	f.Uint32Var(&o.event.SchemaVersion, "schema-version", 0, "version `N` of the data's schema")
	f.StringVar(&o.requestID, "request-id", "", "`ID` that makes the command safe to repeat for 7 days")
	f.BoolVar(&o.json, "json", false, "print the answer as JSON")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		return a.append(cmd, args[0], &o, api)
	})
}

func (a *app) append(cmd *cobra.Command, stream string, o *appendOptions, api *client.Client) error {
	request, err := a.appendRequest(cmd, stream, o)
	if err != nil {
		return err
	}
	answer, err := api.Append(cmd.Context(), request)
	if err != nil {
		return err
	}
	if o.json {
		return console.PrintJSON(a.stdout, struct {
			Stream     string `json:"stream"`
			Version    uint64 `json:"version"`
			Position   uint64 `json:"position"`
			RecordedAt string `json:"recorded_at"`
			ID         string `json:"id"`
			Replayed   bool   `json:"replayed"`
		}{stream, answer.LastVersion, answer.LastPosition, console.Stamp(answer.RecordedAt), answer.IDs[0], answer.Replayed})
	}
	replayed := ""
	if answer.Replayed {
		replayed = "  (was there already)"
	}
	_, err = fmt.Fprintf(a.stdout, "%d  %s@%d  %s  %s%s\n", answer.LastPosition, console.Harmless(stream), answer.LastVersion,
		console.Stamp(answer.RecordedAt), answer.IDs[0], replayed)
	return err
}

func (a *app) appendRequest(cmd *cobra.Command, stream string, o *appendOptions) (client.Append, error) {
	request := client.Append{Stream: stream, RequestID: o.requestID}
	if o.event.Type == "" {
		return request, console.Usage("--type is required: what happened, for example --type ItemAdded")
	}
	var err error
	if request.Expect, err = expectationOf(o.expect); err != nil {
		return request, err
	}
	event := o.event
	event.OccurredAt = o.occurredAt.Time
	if event.Metadata, err = metadataOf(o.meta); err != nil {
		return request, err
	}
	switch {
	case o.binaryFile != "" && onCommandLine(cmd.Flags(), "json-data"):
		return request, console.Usage("give one of --json-data and --binary-file")
	case o.binaryFile == "-":
		event.Binary, err = console.ReadBounded("stdin", a.stdin)
	case o.binaryFile != "":
		event.Binary, err = console.ReadFile(o.binaryFile)
	case o.jsonData == "-":
		var text []byte
		text, err = console.ReadBounded("stdin", a.stdin)
		event.JSON = string(text)
	default:
		event.JSON = o.jsonData
	}
	if err == nil && o.binaryFile != "" && len(event.Binary) == 0 {
		err = console.Usage("--binary-file " + o.binaryFile + " is empty; an event's bytes are at least one")
	}
	request.Events = []client.Event{event}
	return request, err
}

func expectationOf(s string) (client.Expectation, error) {
	switch s {
	case "any":
		return client.AnyVersion(), nil
	case "none":
		return client.NoStream(), nil
	case "exists":
		return client.StreamExists(), nil
	}
	version, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return client.Expectation{}, console.Usage(fmt.Sprintf("--expect %q: want any, none, exists, or a version", s))
	}
	return client.ExactVersion(version), nil
}
