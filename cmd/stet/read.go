package main

import (
	"context"
	"errors"
	"iter"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// readOptions are the flags of read.
type readOptions struct {
	all                 bool
	from, until, limit  uint64
	fromTime, untilTime moment
	backwards           bool
	selection           selection
	json                bool
}

func (a *app) readCommand() *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read STREAM | --all",
		Short: "Print the events of a stream, or of the whole log",
		Long: `Print the events of one stream, or with --all of the whole log, that are there
now, one a line: position, stream@version, time, type, data and tags.

--from and --until are versions in a stream and positions in the log. Reading
begins at --from, included, and ends before --until, in the direction of
reading. Filters on the whole log scan it.`,
		Example: `  stet read cart-1
  stet read cart-1 --backwards --limit 1
  stet read --all --category invoice --type LineSold --tag customer:42 --json`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "read the whole log")
	f.Uint64Var(&o.from, "from", 0, "begin at version or position `N`, included (default: the start, or backwards the end)")
	f.Uint64Var(&o.until, "until", 0, "end before version or position `N`")
	f.Var(&o.fromTime, "from-time", "only events recorded then or later")
	f.Var(&o.untilTime, "until-time", "only events recorded before")
	f.BoolVar(&o.backwards, "backwards", false, "newest first")
	f.Uint64Var(&o.limit, "limit", 0, "at most `N` events (default: all)")
	o.selection.flags(f)
	o.selection.streamFlags(f)
	f.BoolVar(&o.json, "json", false, "print events as JSON lines, as export does")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		return a.read(cmd.Context(), args, &o, api)
	})
}

func (a *app) read(ctx context.Context, args []string, o *readOptions, api *client.Client) (err error) {
	if (len(args) == 1) == o.all {
		return console.Usage("name a stream, or give --all")
	}
	if !o.all && len(o.selection.categories)+len(o.selection.prefixes) > 0 {
		return console.Usage("--category and --prefix choose among streams; they go with --all")
	}
	printer := newEventPrinter(a.stdout, o.json)
	defer func() { err = errors.Join(err, printer.flush()) }()
	place := (*stetv1.RecordedEvent).GetPosition
	if !o.all {
		place = (*stetv1.RecordedEvent).GetVersion
	}
	for e, err := range o.events(ctx, args, api) {
		if err != nil {
			return err
		}
		if o.until > 0 && (!o.backwards && place(e) >= o.until || o.backwards && place(e) <= o.until) {
			return nil
		}
		if err := printer.print(e); err != nil {
			return err
		}
	}
	return nil
}

func (o *readOptions) events(ctx context.Context, args []string, api *client.Client) iter.Seq2[*stetv1.RecordedEvent, error] {
	if o.all {
		return api.ReadAll(ctx, client.LogRead{
			From: o.from, FromTime: o.fromTime.Time, UntilTime: o.untilTime.Time,
			Backwards: o.backwards, Limit: o.limit, Filter: o.selection.filter(),
		})
	}
	return api.ReadStream(ctx, client.StreamRead{
		Stream: args[0], From: o.from, FromTime: o.fromTime.Time, UntilTime: o.untilTime.Time,
		Backwards: o.backwards, Limit: o.limit, Filter: o.selection.filter(),
	})
}
