package examples_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// turn is a block of commands and the answer after it.
var turn = regexp.MustCompile("(?s)\n```sh\n(.*?)```\n\n```json\n(.*?)```\n")

// S0.32, S1.32: the commands of the tutorial, in one shell, in an empty folder.
// Times are masked on both sides, and white space of JSON does not count.
func TestTheTutorialWorksAsWritten(t *testing.T) {
	needs(t, "bash", "cat", "curl", "grep", "sed")
	text := string(read(t, "..", "docs", "tutorial.md"))
	turns := turn.FindAllStringSubmatch(text, -1)
	if blocks := strings.Count(text, "\n```sh\n"); blocks != len(turns) || blocks < 10 {
		t.Fatalf("%d blocks of commands, %d with an answer", blocks, len(turns))
	}
	const between = "---- next ----\n"
	script := "set -euo pipefail\n"
	for _, m := range turns {
		script += m[1] + "printf -- '" + strings.TrimSpace(between) + "\\n'\n"
	}
	address := serve(t, "")
	script = strings.ReplaceAll(script, "http://127.0.0.1:7839", address.http)
	answers := strings.Split(bash(t, t.TempDir(), address, "-c", script), between)
	for i, m := range turns {
		if got, want := plain(t, answers[i]), plain(t, m[2]); got != want {
			t.Errorf("%s\nwant %s\nafter\n%s", got, want, m[1])
		}
	}
}

func plain(t *testing.T, answer string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(answer)); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, answer)
	}
	return masked(out.String(), 0)
}
