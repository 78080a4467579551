package doctest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the top of the tree.
const root = "../.."

// block is a fence of a page: commands, with what they print, or something
// else.
type block struct {
	line int
	// note is the comment before the fence, without its arrows.
	note string
	lang string
	text string
	// output is the fence right after commands; nil: nothing is shown.
	output *block
}

func (b *block) commands() bool { return b.lang == "sh" || b.lang == "console" }

// page is a Markdown file.
type page struct {
	name  string
	prose string
	// blocks are the fences, without those that are an output.
	blocks []*block
}

func readPage(t *testing.T, name string) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return parsePage(name, string(text))
}

func parsePage(name, text string) *page {
	p := &page{name: name}
	var open, before *block
	note := ""
	line := 0
	for full := range strings.Lines(text) {
		line++
		s := strings.TrimSuffix(full, "\n")
		fence, isFence := strings.CutPrefix(s, "```")
		switch {
		case isFence && open == nil:
			open = &block{line: line, note: note, lang: fence}
			note = ""
		case isFence:
			p.add(open, before)
			open, before = nil, open
		case open != nil:
			open.text += full
		default:
			before = nil
			p.prose += full
			inner, isNote := strings.CutPrefix(s, "<!-- ")
			note, _ = strings.CutSuffix(inner, " -->")
			if !isNote {
				note = ""
			}
		}
	}
	return p
}

// add takes a fence that ends, after another one or after prose.
func (p *page) add(b, before *block) {
	if before != nil && before.commands() && !b.commands() && before.lang == "sh" {
		before.output = b
		return
	}
	if b.lang == "console" {
		p.blocks = append(p.blocks, splitConsole(b)...)
		return
	}
	p.blocks = append(p.blocks, b)
}

// splitConsole makes a block of each command and what follows it.
func splitConsole(b *block) []*block {
	var out []*block
	line := b.line
	for s := range strings.Lines(b.text) {
		line++
		if command, ok := strings.CutPrefix(s, "$ "); ok {
			out = append(out, &block{line: line, note: b.note, lang: b.lang, text: command, output: &block{line: line + 1}})
		} else if len(out) > 0 {
			out[len(out)-1].output.text += s
		}
	}
	return out
}

func TestAPageIsTakenApart(t *testing.T) {
	p := parsePage("x.md", "# A\n\n<!-- fails -->\n```sh\none\n  two\n```\n```text\nout\n```\n\n```json\n{}\n```\n```console\n$ a\nb\n$ c\n```\n")
	if len(p.blocks) != 4 {
		t.Fatalf("%d blocks; want 4", len(p.blocks))
	}
	first, data, a, c := p.blocks[0], p.blocks[1], p.blocks[2], p.blocks[3]
	if first.note != "fails" || first.text != "one\n  two\n" || first.output == nil || first.output.text != "out\n" || first.output.line != 8 {
		t.Errorf("first block: %+v", first)
	}
	if data.commands() || data.text != "{}\n" {
		t.Errorf("data: %+v", data)
	}
	if a.text != "a\n" || a.output.text != "b\n" || c.text != "c\n" || c.output.text != "" {
		t.Errorf("console: %+v, %+v", a, c)
	}
}
