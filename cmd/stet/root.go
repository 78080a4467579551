package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// app is what commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// started tells that flags and arguments were in order; asked is the
	// command that was asked for, with a blank, for the hint to its help.
	started bool
	asked   string
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "stet",
		Short: "An event store: what is written stands",
		Long: `Stet keeps events: facts that happened, in streams, in one ordered log.

  stet serve                 start a server on ./data
  stet append cart-1 --type ItemAdded --json-data '{"sku":"A1"}'
  stet read cart-1           what happened to one thing
  stet tail --all            everything, and what comes

Every flag can also be set by an environment variable: --ops-listen is
STET_OPS_LISTEN. The command line wins.

` + exitCodesHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		a.asked = strings.TrimPrefix(cmd.CommandPath()+" ", "stet ")
		return &usageError{err}
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		a.asked = strings.TrimPrefix(cmd.CommandPath()+" ", "stet ")
		if err := fromEnvironment(cmd.Flags()); err != nil {
			return err
		}
		a.started = true
		return nil
	}
	root.AddCommand(
		a.serveCommand(), a.appendCommand(), a.readCommand(), a.subscribeCommand(), a.streamsCommand(), a.infoCommand(),
		a.importCommand(), a.exportCommand(), a.backupCommand(), a.verifyCommand(), a.versionCommand(),
	)
	return root
}

// fromEnvironment sets the flags that the command line does not. An empty
// variable is none.
func fromEnvironment(flags *pflag.FlagSet) error {
	var faults []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" {
			return
		}
		name := "STET_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := os.Getenv(name)
		if value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			faults = append(faults, fmt.Errorf("environment variable %s: %w", name, err))
		}
	})
	return errors.Join(faults...)
}

// isTerminal tells whether a person reads or writes there.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// say writes a line for people to stderr, so that stdout holds data only.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}
