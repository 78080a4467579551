package aggregates

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/internal/fixtures"
	"github.com/stet-db/stet/replay/aggregate"
)

// errFailed is the result of tests of which some failed.
var errFailed = errors.New("tests failed")

func (c *commands) test() *cobra.Command {
	var specification string
	var quiet, asJSON bool
	cmd := &cobra.Command{
		Use:   "test PATH...",
		Short: "Test a specification: events in, state or refusal out",
		Long: `Run the tests of a specification, without a server: a PATH is a file of tests,
or a directory, below which all files are run whose names end in .test.json. A
file has one test, or several:

  {"spec": "bank.json",
   "cases": [{"name": "a deposit is added", "type": "account",
              "events": [{"type": "was_opened", "data": {"owner": "Ann"}},
                         {"type": "had_money_deposited", "data": {"amount": 5}},
                         {"type": "had_money_withdrawn", "data": {"amount": 6},
                          "refused": "INSUFFICIENT_FUNDS"}],
              "expect": {"owner": "Ann", "balance": 5}}]}

"spec" is the name of a file as seen from this one, or a specification. Events
are facts and count, or must be "refused" with that code word if somebody wanted
to write them now, and do not. docs/cli.md has the whole form.

Prints each test, and the first difference of those that failed. Exit code 1
when one failed, 2 when a file is not as said.`,
		Example: `  stet test bank.test.json
  stet test tests --spec bank.json --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cases, err := fixtures.Load(args, specification)
			if _, ok := errors.AsType[*fixtures.FileError](err); ok {
				return &console.UsageError{Err: err}
			}
			if err != nil {
				return err
			}
			return c.runCases(cases, quiet, asJSON)
		},
	}
	cmd.Flags().StringVar(&specification, "spec", "", "`FILE` of the specification for tests that name none")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "print only the tests that failed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return cmd
}

// testAnswer is a test in JSON output.
type testAnswer struct {
	File     string            `json:"file"`
	Name     string            `json:"name"`
	Passed   bool              `json:"passed"`
	Problems []aggregate.Fault `json:"problems"`
	Notes    []aggregate.Fault `json:"notes,omitempty"`
	State    json.RawMessage   `json:"state,omitempty"`
}

func (c *commands) runCases(cases []fixtures.Case, quiet, asJSON bool) error {
	failed := 0
	for i := range cases {
		r := fixtures.Run(&cases[i])
		if !r.Passed {
			failed++
		}
		if r.Passed && quiet {
			continue
		}
		var err error
		if asJSON {
			problems := append([]aggregate.Fault{}, r.Problems...)
			err = console.PrintJSON(c.stdout, testAnswer{cases[i].File, cases[i].Name, r.Passed, problems, r.Notes, raw(r.State)})
		} else {
			err = c.showResult(&cases[i], &r)
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d %w", failed, len(cases), errFailed)
	}
	c.say("%d tests passed", len(cases))
	return nil
}

func (c *commands) showResult(test *fixtures.Case, r *fixtures.Result) error {
	word := "passed"
	if !r.Passed {
		word = "FAILED"
	}
	err := c.print("%s  %s: %s", word, test.File, test.Name)
	for _, p := range r.Problems {
		err = errors.Join(err, c.print("        %s", told(p)))
	}
	for _, n := range r.Notes {
		err = errors.Join(err, c.print("        note: %s", told(n)))
	}
	return err
}

func told(f aggregate.Fault) string {
	if f.Path == "" {
		return f.Problem
	}
	return f.Path + ": " + f.Problem
}
