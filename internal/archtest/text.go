package archtest

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// ownPath matches an absolute path below a folder that is one person's.
	ownPath = regexp.MustCompile(`(^|[^A-Za-z0-9_.])/(home|Users|root|tmp|private|var/folders)/`)
	// openEnd matches the marks of something left open.
	openEnd = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)
	issue   = regexp.MustCompile(`#[0-9]+`)
)

// Text finds absolute paths that exist on one machine only, the path of this
// checkout among them, and marks of open ends that name no issue. Generated
// code, checksums and binary files are not looked at.
func (t *Tree) Text() ([]string, error) {
	var out []string
	for _, file := range t.files {
		if strings.HasPrefix(file, "gen/") || strings.HasSuffix(file, ".sum") {
			continue
		}
		text, err := t.read(file)
		if err != nil {
			return nil, fmt.Errorf("check text: %w", err)
		}
		if strings.Contains(text[:min(len(text), 8000)], "\x00") {
			continue
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			switch {
			case ownPath.MatchString(line), len(t.root) > 1 && strings.Contains(line, t.root+"/"):
				out = append(out, fmt.Sprintf("%s:%d: a path that exists on one machine only", file, n))
			case openEnd.MatchString(line) && !issue.MatchString(line):
				out = append(out, fmt.Sprintf("%s:%d: an open end without an issue number", file, n))
			}
		}
	}
	return out, nil
}
