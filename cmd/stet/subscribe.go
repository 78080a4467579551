package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
)

// subscribeOptions are the flags of subscribe.
type subscribeOptions struct {
	all       bool
	category  string
	after     uint64
	history   string
	fromTime  moment
	fromNow   bool
	selection selection
	count     uint64
	notices   bool
	json      bool
}

func (a *app) subscribeCommand() *cobra.Command {
	var o subscribeOptions
	cmd := &cobra.Command{
		Use:     "subscribe [STREAM | --category CATEGORY | --all]",
		Aliases: []string{"tail"},
		Short:   "Follow a stream, a category or the whole log",
		Long: `Print the events that are there, then those that come, until interrupted. It
reconnects by itself and goes on after the last event printed, without gap or
repetition, and ends when the server has another log than before.

The cursor to go on after in another run is the last event's version when one
stream is followed, else its position.`,
		Example: `  stet tail --all
  stet subscribe cart-1 --after 3
  stet subscribe --category invoice --type LineSold --from-now --json`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.BoolVar(&o.all, "all", false, "follow the whole log, which is the default")
	f.StringVar(&o.category, "category", "", "follow the streams of this `CATEGORY`")
	f.Uint64Var(&o.after, "after", 0, "begin after version or position `N`, excluded (default: at the beginning)")
	f.StringVar(&o.history, "history-id", "", "`ID` of the log that --after was taken from: another log is an error")
	f.Var(&o.fromTime, "from-time", "begin with the first event recorded then or later")
	f.BoolVar(&o.fromNow, "from-now", false, "begin with the next event")
	o.selection.flags(f)
	f.Uint64Var(&o.count, "count", 0, "end after `N` events (default: never)")
	f.BoolVar(&o.notices, "notices", false, "tell on stderr when it starts, has caught up, fell behind, or how far it is (default: on a terminal)")
	f.BoolVar(&o.json, "json", false, "print events as JSON lines, as export does")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		if !cmd.Flags().Changed("notices") {
			o.notices = isTerminal(a.stdout) && isTerminal(a.stderr)
		}
		return a.subscribe(cmd.Context(), args, &o, api)
	})
}

func (a *app) subscribe(ctx context.Context, args []string, o *subscribeOptions, api *client.Client) error {
	s := client.Subscription{
		Category: o.category, Filter: o.selection.filter(), After: o.after, HistoryID: o.history,
		FromTime: o.fromTime.Time, FromNow: o.fromNow,
	}
	if len(args) == 1 {
		s.Stream = args[0]
	}
	if s.Stream != "" && (o.all || o.category != "") || o.all && o.category != "" {
		return console.Usage("name a stream, or give one of --category and --all")
	}
	printer := newEventPrinter(a.stdout, o.json)
	printed := uint64(0)
	for d, err := range api.Subscribe(ctx, s) {
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil // interrupted, which is how it ends
			}
			return err
		}
		if d.Kind != client.KindEvent {
			a.notice(d, o.notices)
			continue
		}
		if err := errors.Join(printer.print(d.Event), printer.flush()); err != nil {
			return err
		}
		if printed++; printed == o.count {
			return nil
		}
	}
	return nil
}

// notice tells what is no event. That the connection broke is told always.
func (a *app) notice(d client.Delivery, wanted bool) {
	text := fmt.Sprintf("# %v: cursor %d, head %d", d.Kind, d.Cursor, d.Head)
	switch {
	case d.Kind == client.KindInterrupted:
		text = fmt.Sprintf("# interrupted, resuming after %d: %v", d.Cursor, d.Err)
	case !wanted:
		return
	case d.Kind == client.KindStarted:
		text += ", history " + d.HistoryID
	case d.Kind == client.KindProgress:
		text += fmt.Sprintf(", scanned to %d", d.ScannedTo)
	}
	a.say("%s", text)
}
