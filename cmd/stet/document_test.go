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
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		if cmd.Name() == "help" {
			continue
		}
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

func TestEveryFlagIsDocumentedAndServeHasFew(t *testing.T) {
	root := newRoot(&app{})
	for _, cmd := range root.Commands() {
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
