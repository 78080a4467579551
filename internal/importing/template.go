package importing

import (
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// rowTemplate makes a text of a row. Templates of plain text and plain columns
// are evaluated without package template, which takes ten times as long.
type rowTemplate struct {
	flag  string
	parts []part
	slow  *template.Template
}

// part is a literal text, or a column when the text is empty.
type part struct {
	text   string
	column int
}

// compileTemplate reads a template and checks that it names only columns that
// there are. The flag is what errors name.
func compileTemplate(flag, text string, columns []string, functions template.FuncMap) (*rowTemplate, error) {
	parsed, err := template.New(flag).Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, t := range parsed.Templates() {
		if t.Tree == nil {
			continue
		}
		if err := checkColumns(t.Root, columns); err != nil {
			return nil, fmt.Errorf("template: %s: %w", flag, err)
		}
	}
	compiled := &rowTemplate{flag: flag, slow: parsed}
	if parsed.Tree == nil { // an empty text
		compiled.slow = nil
		return compiled, nil
	}
	if parts, simple := simpleParts(parsed.Root, columns); simple {
		compiled.parts, compiled.slow = parts, nil
	}
	return compiled, nil
}

func (t *rowTemplate) execute(r *row) (string, error) {
	if t.slow == nil {
		return t.join(r), nil
	}
	var out strings.Builder
	if err := t.slow.Execute(&out, r.byName()); err != nil {
		return "", err
	}
	return out.String(), nil
}

func (t *rowTemplate) join(r *row) string {
	if len(t.parts) == 1 {
		return t.parts[0].of(r)
	}
	var out strings.Builder
	for _, p := range t.parts {
		out.WriteString(p.of(r))
	}
	return out.String()
}

func (p part) of(r *row) string {
	if p.text != "" {
		return p.text
	}
	return r.fields[p.column]
}

func simpleParts(list *parse.ListNode, columns []string) ([]part, bool) {
	var parts []part
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			if len(n.Text) > 0 {
				parts = append(parts, part{text: string(n.Text)})
			}
		case *parse.ActionNode:
			if len(n.Pipe.Decl) > 0 || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
				return nil, false
			}
			field, ok := n.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
			if !ok {
				return nil, false
			}
			parts = append(parts, part{column: slices.Index(columns, field.Ident[0])})
		default:
			return nil, false
		}
	}
	return parts, true
}

// checkColumns walks a template and refuses names that are no column, so that
// a slip shows before the first row and not as an empty text.
func checkColumns(node parse.Node, columns []string) error {
	switch n := node.(type) {
	case *parse.FieldNode:
		return checkColumn(n.Ident, columns)
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			return checkColumn(n.Ident[1:], columns)
		}
	case *parse.ActionNode:
		return checkColumns(n.Pipe, columns)
	case *parse.TemplateNode:
		return checkColumns(n.Pipe, columns)
	case *parse.IfNode:
		return checkBranch(&n.BranchNode, columns)
	case *parse.WithNode:
		return checkBranch(&n.BranchNode, columns)
	case *parse.RangeNode:
		return checkBranch(&n.BranchNode, columns)
	case *parse.PipeNode:
		if n == nil {
			return nil
		}
		for _, c := range n.Cmds {
			if err := checkAll(c.Args, columns); err != nil {
				return err
			}
		}
	case *parse.ListNode:
		if n != nil {
			return checkAll(n.Nodes, columns)
		}
	}
	return nil
}

func checkBranch(n *parse.BranchNode, columns []string) error {
	return checkAll([]parse.Node{n.Pipe, n.List, n.ElseList}, columns)
}

func checkAll(nodes []parse.Node, columns []string) error {
	for _, n := range nodes {
		if err := checkColumns(n, columns); err != nil {
			return err
		}
	}
	return nil
}

func checkColumn(ident, columns []string) error {
	if !slices.Contains(columns, ident[0]) {
		return fmt.Errorf("there is no column %q; the columns are %s", ident[0], strings.Join(columns, ", "))
	}
	if len(ident) > 1 {
		return fmt.Errorf("column %q is a text and has no %q", ident[0], ident[1])
	}
	return nil
}
