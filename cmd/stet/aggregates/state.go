package aggregates

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

func (c *commands) state() *cobra.Command {
	var length uint64
	var at, effective moment
	var full, asJSON bool
	cmd := &cobra.Command{
		Use:   "state TYPE ID",
		Short: "Print the state of an aggregate, now or as it was",
		Long: `Print the state that the events of an aggregate make by the specification in
force: now, after its first events, or as of a time. A TIME is seconds or
milliseconds since 1970, or as in 2026-01-02T03:04:05Z, and has the whole of
its unit: at 03:04:05 counts what was recorded in that second.

How many events that were, and what handlers could not do, goes to stderr. Exit
code 4 when there is no such aggregate, or was none then.`,
		Example: `  stet state account 42
  stet state account 42 --at-length 2
  stet state account 42 --effective-at 2100-01-01T00:00:00Z --json`,
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	f.Uint64Var(&length, "at-length", 0, "as it was after its first `N` events; beyond the end is now")
	f.Var(&at, "at", "as it was recorded then")
	f.Var(&effective, "effective-at", "as it was then by what is known: facts that had happened, in the order in which they happened")
	f.BoolVar(&full, "full", false, "fold all events, without a snapshot; the answer is the same")
	f.BoolVar(&asJSON, "json", false, "print one JSON object, with times, counts and warnings")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		point, err := pointOf("at-length", cmd.Flags().Changed("at-length"), length, "at", &at)
		if err != nil {
			return err
		}
		return c.showState(cmd.Context(), api, asJSON, &stetv1.GetStateRequest{
			Type: args[0], Id: args[1], At: point, EffectiveAt: effective.last(), FullReplay: full,
		})
	})
}

// stateAnswer is a state in JSON output.
type stateAnswer struct {
	Type         string          `json:"type"`
	ID           string          `json:"id"`
	Length       uint64          `json:"length"`
	Position     uint64          `json:"position"`
	CreatedAt    string          `json:"created_at"`
	UpdatedAt    string          `json:"updated_at"`
	Replayed     uint64          `json:"replayed"`
	Snapshot     uint64          `json:"snapshot"`
	Skipped      uint64          `json:"skipped"`
	Warnings     []warning       `json:"warnings,omitempty"`
	MoreWarnings uint64          `json:"more_warnings,omitempty"`
	State        json.RawMessage `json:"state"`
}

func (c *commands) showState(ctx context.Context, api *client.Client, asJSON bool, request *stetv1.GetStateRequest) error {
	answer, err := api.State(ctx, request)
	if err != nil {
		return err
	}
	s := answer.GetState()
	if asJSON {
		return console.PrintJSON(c.stdout, stateAnswer{
			Type: request.GetType(), ID: request.GetId(), Length: s.GetLength(), Position: s.GetPosition(),
			CreatedAt: stamp(s.GetCreatedAt()), UpdatedAt: stamp(s.GetUpdatedAt()), Replayed: answer.GetReplayed(), Snapshot: answer.GetSnapshot(),
			Skipped: s.GetSkipped(), Warnings: warningsOf(s.GetWarnings()), MoreWarnings: s.GetMoreWarnings(), State: raw(s.GetData()),
		})
	}
	if err := c.printState(s.GetData()); err != nil {
		return err
	}
	note := fmt.Sprintf("length %d, changed %s", s.GetLength(), stamp(s.GetUpdatedAt()))
	if s.GetSkipped() > 0 {
		note += fmt.Sprintf(", %d events skipped that the specification does not know", s.GetSkipped())
	}
	c.say("%s", note)
	c.warn(s.GetWarnings())
	if more := s.GetMoreWarnings(); more > 0 {
		c.say("warning: and %d times more", more)
	}
	return nil
}

// warn tells what handlers could not do.
func (c *commands) warn(list []*stetv1.HandlerWarning) {
	for _, w := range list {
		c.say("warning: %s: %s (%d times)", w.GetPath(), w.GetProblem(), w.GetCount())
	}
}

func (c *commands) snapshots() *cobra.Command {
	drop := &cobra.Command{
		Use:   "drop",
		Short: "Make the server forget all snapshots",
		Long: `Make the server forget the states that it has kept to read faster. No answer
changes; the next ones may take longer, until new snapshots are made.`,
		Example: `  stet snapshots drop`,
		Args:    cobra.NoArgs,
	}
	return group("snapshots", "Manage the states that the server keeps to read faster", "", console.ClientCommand(drop,
		func(cmd *cobra.Command, _ []string, api *client.Client) error {
			if err := api.DropSnapshots(cmd.Context()); err != nil {
				return err
			}
			c.say("all snapshots are dropped")
			return nil
		}))
}
