package aggregates

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/cmd/stet/console"
)

// commands are the commands, and where they read and write.
type commands struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// Commands are the commands of this package.
func Commands(stdin io.Reader, stdout, stderr io.Writer) []*cobra.Command {
	c := &commands{stdin, stdout, stderr}
	return []*cobra.Command{c.spec(), c.state(), c.diff(), c.trace(), c.test(), c.snapshots()}
}

// say writes a line for people to stderr.
func (c *commands) say(format string, args ...any) {
	fmt.Fprintln(c.stderr, console.Harmless(fmt.Sprintf(format, args...)))
}

// print writes a line of data for people.
func (c *commands) print(format string, args ...any) error {
	_, err := fmt.Fprintln(c.stdout, console.Harmless(fmt.Sprintf(format, args...)))
	return err
}

// read reads a file, or stdin where its name is -.
func (c *commands) read(name string) ([]byte, error) {
	if name == "-" {
		return console.ReadBounded("stdin", c.stdin)
	}
	return console.ReadFile(name)
}

// printState writes a state over several lines.
func (c *commands) printState(text string) error {
	var v strings.Builder
	indented, err := indent(text)
	if err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	for line := range strings.Lines(indented) {
		v.WriteString(console.Harmless(strings.TrimSuffix(line, "\n")) + "\n")
	}
	_, err = io.WriteString(c.stdout, v.String())
	return err
}

// group is a command that only has others below it.
func group(use, short, long string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(below...)
	return cmd
}

// raw is a text that is JSON already; nothing where it is empty.
func raw(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
