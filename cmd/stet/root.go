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

	"github.com/stet-db/stet/cmd/stet/aggregates"
	"github.com/stet-db/stet/cmd/stet/console"
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
  stet state account 42      what a specification makes of its events

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
		return &console.UsageError{Err: err}
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
		a.importCommand(), a.exportCommand(), a.backupCommand(), a.verifyCommand(), a.benchCommand(), a.versionCommand(),
	)
	root.AddCommand(aggregates.Commands(a.stdin, a.stdout, a.stderr)...)
	return root
}

// variable is the annotation of a flag that was set by an environment variable.
const variable = "variable"

// noVariable is the annotation of a flag that no environment variable sets:
// STET_JSON asks for JSON output, and must not become the data of a CSV import.
const noVariable = "no variable"

// onCommandLine tells whether a flag stands on the command line. That one does
// not go with another is a fault there only: STET_DATA may be set for serve
// while import runs.
func onCommandLine(flags *pflag.FlagSet, name string) bool {
	f := flags.Lookup(name)
	return f != nil && f.Changed && f.Annotations[variable] == nil
}

// fromEnvironment sets the flags that the command line does not. An empty
// variable is none.
func fromEnvironment(flags *pflag.FlagSet) error {
	var faults []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Annotations[noVariable] != nil {
			return
		}
		name := "STET_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := os.Getenv(name)
		if value == "" {
			return
		}
		err := flags.Set(f.Name, value)
		if err == nil {
			err = flags.SetAnnotation(f.Name, variable, []string{name})
		}
		if err != nil {
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
