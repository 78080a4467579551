package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
)

func (a *app) streamsCommand() *cobra.Command {
	var limit uint64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "streams [PREFIX]",
		Short: "List streams by name",
		Long: `List the streams whose names begin with PREFIX, or all, in the byte order of
their names: name, version, and the position of the first event.`,
		Example: `  stet streams
  stet streams invoice-5363 --json`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().Uint64Var(&limit, "limit", 0, "at most `N` streams (default: all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		prefix := ""
		if len(args) == 1 {
			prefix = args[0]
		}
		return a.streams(cmd.Context(), prefix, limit, asJSON, api)
	})
}

func (a *app) streams(ctx context.Context, prefix string, limit uint64, asJSON bool, api *client.Client) (err error) {
	out := bufio.NewWriter(a.stdout)
	defer func() { err = errors.Join(err, out.Flush()) }()
	listed := uint64(0)
	for s, err := range api.ListStreams(ctx, prefix) {
		if err != nil {
			return err
		}
		if asJSON {
			err = console.PrintJSON(out, struct {
				Stream        string `json:"stream"`
				Version       uint64 `json:"version"`
				FirstPosition uint64 `json:"first_position"`
			}{s.GetName(), s.GetVersion(), s.GetFirstPosition()})
		} else {
			_, err = fmt.Fprintf(out, "%s@%d  first at %d\n", console.Harmless(s.GetName()), s.GetVersion(), s.GetFirstPosition())
		}
		if err != nil {
			return err
		}
		if listed++; listed == limit {
			return nil
		}
	}
	return nil
}
