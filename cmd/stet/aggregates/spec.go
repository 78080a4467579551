package aggregates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/replay/spec"
)

func (c *commands) spec() *cobra.Command {
	return group("spec", "Check, put, get and compare specifications of aggregates", `A specification says which types of aggregates there are, which events can
happen to them, and what each event means; see docs/specification.md.`,
		c.specCheck(), c.specDiff(), c.specGet(), c.specPut(), c.specVersions())
}

// finding is a fault or a warning in JSON output.
type finding struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
}

func (c *commands) specCheck() *cobra.Command {
	var strict, asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a specification without a server",
		Long: `Check a specification, or stdin where FILE is -, without a server: all faults
with their paths, and advice where it works but probably not as meant. Exit code
2 when it has faults, as when a server is given it.`,
		Example: `  stet spec check bank.json
  stet spec check bank.json --strict --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.check(args[0], strict, asJSON) },
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "take advice for faults")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (c *commands) check(file string, strict, asJSON bool) error {
	text, err := c.read(file)
	if err != nil {
		return err
	}
	_, faults, warnings := spec.Parse(text)
	answer := struct {
		OK       bool      `json:"ok"`
		Faults   []finding `json:"faults"`
		Warnings []finding `json:"warnings"`
	}{len(faults) == 0 && !(strict && len(warnings) > 0), []finding{}, []finding{}}
	for _, f := range faults {
		answer.Faults = append(answer.Faults, finding{f.Path, f.Problem})
	}
	for _, w := range warnings {
		answer.Warnings = append(answer.Warnings, finding{w.Path, w.Problem})
	}
	if asJSON {
		err = console.PrintJSON(c.stdout, answer)
	} else {
		err = errors.Join(c.findings("fault", answer.Faults), c.findings("warning", answer.Warnings))
	}
	switch {
	case err != nil:
		return err
	case len(faults) > 0:
		return console.Usage(fmt.Sprintf("%s has %d faults", file, len(faults)))
	case !answer.OK:
		return console.Usage(fmt.Sprintf("%s has %d warnings", file, len(warnings)))
	}
	c.say("%s is a specification", file)
	return nil
}

func (c *commands) findings(kind string, list []finding) error {
	for _, f := range list {
		where := f.Path
		if where == "" {
			where = "the whole"
		}
		if err := c.print("%s: %s: %s", kind, where, f.Problem); err != nil {
			return err
		}
	}
	return nil
}

func (c *commands) specPut() *cobra.Command {
	var previous uint64
	var dryRun, force, asJSON bool
	cmd := &cobra.Command{
		Use:   "put FILE",
		Short: "Put a specification in force, at once and for all events",
		Long: `Put a specification, or stdin where FILE is -, in force: at once, without a
restart, and for all events, old ones too. Every version stays. Prints the
version and what differs from the one before.

What leaves written events without a meaning needs --force. Exit code 2 when it
has faults or needs --force, 3 when another version is in force than was said.`,
		Example: `  stet spec put bank.json --dry-run
  stet spec put bank.json`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.Uint64Var(&previous, "previous-length", 0, "the version that must be in force; 0: none (default: any)")
	f.BoolVar(&dryRun, "dry-run", false, "only tell what would be said")
	f.BoolVar(&force, "force", false, "allow changes that leave written events without a meaning")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		text, err := c.read(args[0])
		if err != nil {
			return err
		}
		request := &stetv1.PutSpecRequest{Spec: string(text), DryRun: dryRun, Force: force}
		if cmd.Flags().Changed("previous-length") {
			request.PreviousLength = &previous
		}
		answer, err := api.PutSpec(cmd.Context(), request)
		if err != nil {
			return err
		}
		return c.showPut(answer, dryRun, asJSON)
	})
}

// specChange is a difference between specifications in JSON output.
type specChange struct {
	Path         string `json:"path"`
	Kind         string `json:"kind"`
	Incompatible string `json:"incompatible,omitempty"`
}

func (c *commands) showPut(p *stetv1.PutSpecResponse, dryRun, asJSON bool) error {
	changes, warnings := []specChange{}, []finding{}
	for _, change := range p.GetChanges() {
		changes = append(changes, specChange{change.GetPath(), change.GetKind(), change.GetIncompatible()})
	}
	for _, w := range p.GetWarnings() {
		warnings = append(warnings, finding{w.GetPath(), w.GetProblem()})
	}
	if asJSON {
		return console.PrintJSON(c.stdout, struct {
			Version  uint64       `json:"version"`
			Written  bool         `json:"written"`
			Position uint64       `json:"position,omitempty"`
			Warnings []finding    `json:"warnings"`
			Changes  []specChange `json:"changes"`
		}{p.GetVersion(), p.GetWritten(), p.GetPosition(), warnings, changes})
	}
	for _, w := range warnings {
		c.say("warning: %s: %s", w.Path, w.Problem)
	}
	state := "was in force already"
	switch {
	case dryRun:
		state = "would be in force"
	case p.GetWritten():
		state = "is in force"
	}
	return errors.Join(c.print("version %d %s", p.GetVersion(), state), c.changes(changes))
}

func (c *commands) changes(list []specChange) error {
	for _, change := range list {
		line := fmt.Sprintf("%-7s  %s", change.Kind, change.Path)
		if change.Incompatible != "" {
			line += "  (" + change.Incompatible + ")"
		}
		if err := c.print("%s", line); err != nil {
			return err
		}
	}
	return nil
}

func (c *commands) specGet() *cobra.Command {
	var version uint64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "get",
		Short: "Print the specification in force, or an earlier one",
		Long: `Print the text of the specification in force, byte for byte as it was put, or
of an earlier version. Exit code 4 when there is none.`,
		Example: `  stet spec get
  stet spec get --version 1 --json`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().Uint64Var(&version, "version", 0, "version `N` (default: the one in force)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with version and time")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, _ []string, api *client.Client) error {
		answer, err := api.Spec(cmd.Context(), version)
		if err != nil {
			return err
		}
		if asJSON {
			return console.PrintJSON(c.stdout, struct {
				specVersion
				Spec json.RawMessage `json:"spec"`
			}{versionOf(answer.GetVersion()), raw(answer.GetSpec())})
		}
		_, err = c.stdout.Write([]byte(answer.GetSpec()))
		return err
	})
}

// specVersion is a version in JSON output.
type specVersion struct {
	Version    uint64 `json:"version"`
	RecordedAt string `json:"recorded_at"`
	KeyID      string `json:"key_id,omitempty"`
	Bytes      uint64 `json:"bytes"`
}

func versionOf(v *stetv1.SpecVersion) specVersion {
	return specVersion{v.GetVersion(), stamp(v.GetRecordedAt()), v.GetKeyId(), v.GetBytes()}
}

func (c *commands) specVersions() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "versions",
		Short:   "List the versions of the specification, oldest first",
		Example: `  stet spec versions`,
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, _ []string, api *client.Client) error {
		for v, err := range api.SpecVersions(cmd.Context()) {
			if err == nil && asJSON {
				err = console.PrintJSON(c.stdout, versionOf(v))
			} else if err == nil {
				err = c.print("%s", strings.TrimSpace(fmt.Sprintf("%d  %s  %d bytes  %s", v.GetVersion(), stamp(v.GetRecordedAt()), v.GetBytes(), v.GetKeyId())))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *commands) specDiff() *cobra.Command {
	var from, to uint64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff [FILE]",
		Short: "Print what differs between two specifications",
		Long: `Print which parts of a specification differ between two versions, or between a
version and FILE, or stdin where it is -: what was added, removed and changed,
and how events that were written before would suffer. Nothing is put.`,
		Example: `  stet spec diff bank.json
  stet spec diff --from 1`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().Uint64Var(&from, "from", 0, "from version `N` (default: the one in force)")
	cmd.Flags().Uint64Var(&to, "to", 0, "to version `N` (default: the one in force)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		if len(args) == 1 && cmd.Flags().Changed("to") {
			return console.Usage("--to names a version; without FILE")
		}
		if len(args) == 0 && from == to {
			return console.Usage("name a FILE, or versions with --from and --to")
		}
		before, err := specOf(cmd.Context(), api, from)
		if err != nil {
			return err
		}
		var after *spec.Spec
		if len(args) == 1 {
			after, err = c.specFile(args[0])
		} else {
			after, err = specOf(cmd.Context(), api, to)
		}
		if err != nil {
			return err
		}
		return c.showChanges(spec.Compare(before, after), asJSON)
	})
}

func (c *commands) showChanges(list []spec.Change, asJSON bool) error {
	for _, change := range list {
		line := specChange{change.Path, string(change.Kind), change.Incompatible}
		var err error
		if asJSON {
			err = console.PrintJSON(c.stdout, line)
		} else {
			err = c.changes([]specChange{line})
		}
		if err != nil {
			return err
		}
	}
	if len(list) == 0 {
		c.say("nothing differs")
	}
	return nil
}

func specOf(ctx context.Context, api *client.Client, version uint64) (*spec.Spec, error) {
	answer, err := api.Spec(ctx, version)
	if err != nil {
		return nil, err
	}
	parsed, faults, _ := spec.Parse([]byte(answer.GetSpec()))
	if parsed == nil {
		return nil, fmt.Errorf("version %d of the specification is one that this release cannot read: %w", answer.GetVersion().GetVersion(), faults[0])
	}
	return parsed, nil
}

// specFile reads a specification; all its faults are told.
func (c *commands) specFile(name string) (*spec.Spec, error) {
	text, err := c.read(name)
	if err != nil {
		return nil, err
	}
	parsed, faults, _ := spec.Parse(text)
	if parsed != nil {
		return parsed, nil
	}
	all := make([]error, len(faults))
	for i, f := range faults {
		all[i] = &os.PathError{Op: "read", Path: name, Err: f}
	}
	return nil, &console.UsageError{Err: errors.Join(all...)}
}
