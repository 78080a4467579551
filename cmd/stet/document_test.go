package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/cli.md anew from the commands' help")

const generatedMark = "<!-- From here on this is the commands' own help: go test ./cmd/stet -run TestTheDocument -update -->\n"

func TestTheDocumentIsTheHelpOfTheCommands(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "cli.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	written, _, found := strings.Cut(string(text), generatedMark)
	if !found {
		t.Fatalf("%s has no line %q", path, generatedMark)
	}
	want := written + generatedMark + helpOfAll(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if string(text) != want {
		t.Errorf("%s is not what the commands say; run the command in it", path)
	}
}

// helpOfAll is the help of every command as Markdown.
func helpOfAll(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	root := newRoot(&app{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range append([]*cobra.Command{root}, all(root)...) {
		var help bytes.Buffer
		cmd.SetOut(&help)
		cmd.InitDefaultHelpFlag()
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n## " + cmd.CommandPath() + "\n\n```text\n" + strings.TrimRight(help.String(), "\n") + "\n```\n")
	}
	return out.String()
}

// all are the commands below one, each before those below it, without help and
// the shells of completion, which explain themselves.
func all(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, below := range cmd.Commands() {
		if below.Name() == "help" {
			continue
		}
		out = append(out, below)
		if below.Name() != "completion" {
			out = append(out, all(below)...)
		}
	}
	return out
}

func TestEveryFlagIsDocumentedAndServeHasFew(t *testing.T) {
	root := newRoot(&app{})
	for _, cmd := range all(root) {
		flags := strings.Count(cmd.LocalFlags().FlagUsages(), "\n")
		if cmd.Name() == "serve" && flags > 20 {
			t.Errorf("serve has %d flags; at most 20", flags)
		}
		for _, line := range strings.Split(strings.TrimSpace(cmd.LocalFlags().FlagUsages()), "\n") {
			if fields := strings.Fields(line); len(fields) > 0 && len(fields) < 3 {
				t.Errorf("%s: %s is not documented", cmd.Name(), line)
			}
		}
	}
}
