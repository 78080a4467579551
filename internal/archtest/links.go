package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	markdownLink = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	makeTarget   = regexp.MustCompile(`^(?:\$ )?make ([a-z][a-z-]*)`)
	repoPath     = regexp.MustCompile(`^[a-z.][\w.-]*(/[\w-][\w.-]*)+/?$`)
	testName     = regexp.MustCompile(`^(Test|Benchmark|Fuzz)[A-Z]\w*$`)
	makefileLine = regexp.MustCompile(`(?m)^([a-z][a-z/-]*):`)
)

// markdown is what of a Markdown file the checks need.
type markdown struct {
	// prose are the lines outside of code blocks, code those inside; the others
	// are empty, so that places are line numbers.
	prose, code []string
}

func parseMarkdown(text string) markdown {
	var m markdown
	inCode := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		prose, code := line, ""
		if inCode || fence {
			prose, code = "", line
		}
		if fence {
			inCode = !inCode
			code = ""
		}
		m.prose, m.code = append(m.prose, prose), append(m.code, code)
	}
	return m
}

// headings are the anchors that the headings of the file make.
func (m markdown) headings() map[string]bool {
	out := map[string]bool{}
	for _, line := range m.prose {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			out[anchor(title)] = true
		}
	}
	return out
}

// anchor is what a heading is linked by: small letters, spaces as dashes, no
// other signs.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

// Links finds what Markdown files name and is not there: files and headings of
// relative links, files and tests in code spans, and make targets.
func (t *Tree) Links() ([]string, error) {
	known := map[string]bool{} // "make x" and names of tests
	if t.exists("Makefile") {
		text, err := t.read("Makefile")
		if err != nil {
			return nil, fmt.Errorf("check links: %w", err)
		}
		for _, m := range makefileLine.FindAllStringSubmatch(text, -1) {
			known["make "+m[1]] = true
		}
	}
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, d := range f.syntax.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && f.test {
					known[fn.Name.Name] = true
				}
			}
		}
	}
	var out []string
	for _, file := range t.files {
		if !strings.HasSuffix(file, ".md") {
			continue
		}
		text, err := t.read(file)
		if err != nil {
			return nil, fmt.Errorf("check links: %w", err)
		}
		m := parseMarkdown(text)
		for i := range m.prose {
			for _, problem := range t.lineLinks(file, m, i, known) {
				out = append(out, fmt.Sprintf("%s:%d: %s", file, i+1, problem))
			}
		}
	}
	return out, nil
}

func (t *Tree) lineLinks(file string, m markdown, i int, known map[string]bool) []string {
	var out []string
	for _, link := range markdownLink.FindAllStringSubmatch(m.prose[i], -1) {
		if problem := t.dead(file, link[1]); problem != "" {
			out = append(out, problem)
		}
	}
	for _, code := range append(spans(m.prose[i]), strings.TrimSpace(m.code[i])) {
		if target := makeTarget.FindStringSubmatch(code); target != nil && !known["make "+target[1]] {
			out = append(out, "the Makefile has no target "+target[1])
		}
	}
	for _, code := range spans(m.prose[i]) {
		switch {
		case testName.MatchString(code) && !known[code]:
			out = append(out, "no test "+code)
		case repoPath.MatchString(code) && t.ownFolder(code) && !t.exists(code):
			out = append(out, "no file "+code)
		}
	}
	return out
}

// ownFolder tells whether a path begins with a folder of the tree.
func (t *Tree) ownFolder(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.ContainsFunc(t.files, func(f string) bool { return strings.HasPrefix(f, first+"/") })
}

// dead says why a link leads nowhere; nothing is the empty string.
func (t *Tree) dead(file, link string) string {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return ""
	}
	name, heading, _ := strings.Cut(link, "#")
	to := file
	if name != "" {
		to = path.Join(path.Dir(file), name)
	}
	if !t.exists(to) {
		return "no file " + to
	}
	if heading == "" || !strings.HasSuffix(to, ".md") {
		return ""
	}
	text, err := t.read(to)
	if err != nil {
		return err.Error()
	}
	if !parseMarkdown(text).headings()[heading] {
		return "no heading #" + heading + " in " + to
	}
	return ""
}
