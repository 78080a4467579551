package doctest

import (
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const notRun = "not run: "

// excused are commands that are not run as they stand, with the reason. Each
// must be somewhere in the docs.
var excused = map[string]string{
	"go install ./cmd/stet": "the same program as that of make run, in another place",
	"go test -json":         "the form of output that internal/testcount reads; make test uses it",
	"go test -run Layout ./storage/embedded -write-layout": "makes the archive of a new layout, and nothing while there is one of the present layout",
	"stet serve":      "never ends; the test of docs/operations.md starts its server so",
	"stet tail --all": "never ends; the README's tour lets it run",
	"stet bench append --clients 1,64 --batch 1,10":                                                                "takes minutes; the script bench of cmd/stet runs small ones",
	"stet bench append --clients 8 --pipeline 32 --cpuprofile cpu.pprof":                                           "as above",
	"stet bench append --clients 64 --rate 5000":                                                                   "as above",
	"stet bench fanout --subscribers 10 --clients 64":                                                              "as above",
	"stet bench state --stream-length 1000 --snapshot-every 100":                                                   "as above",
	"stet subscribe cart-1 --after 3":                                                                              "never ends; the scripts of cmd/stet run it with --count",
	"stet subscribe --category invoice --type LineSold --from-now --json":                                          "never ends; the tests of the shop in cmd/stet follow a filter",
	"stet serve --data /var/lib/stet --listen 0.0.0.0:7838 --tls-cert cert.pem --tls-key key.pem --keys keys.json": "needs a certificate and a place of the system; tests of package server serve TLS",
}

// warmUp lets the go command fetch and compile what the tour needs, whose
// notices about it are no output of the tour.
func (tr *tour) warmUp(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/grpcurl/go.mod", "grpcurl", "-version")
	cmd.Dir = tr.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// operations are the requests of docs/operations.md.
func (tr *tour) operations(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the page's commands are curl's, which is not there")
	}
	page := readPage(t, "docs/operations.md")
	tr.serve(t, "exec bin/stet serve")
	for _, b := range page.blocks {
		if b.commands() && !strings.HasPrefix(b.note, notRun) {
			where := fmt.Sprintf("%s:%d", page.name, b.line)
			compare(t, where, b, tr.play(t, where, b))
		}
	}
	tr.stop(t)
}

// rootExample is a line of the root command's help: a command, and beside it
// what it does.
var rootExample = regexp.MustCompile(`(?m)^  (stet [a-z].*?)(?:  +.*)?$`)

// examples are the commands in the help of each command, which docs/cli.md
// repeats, and at last those of the root command.
func (p *page) examples() []*block {
	var out, last []*block
	for _, b := range p.blocks {
		if b.lang != "text" {
			continue
		}
		_, examples, found := strings.Cut(b.text, "Examples:\n")
		if !found && strings.Contains(b.text, "Available Commands:") {
			before, _, _ := strings.Cut(b.text, "Usage:")
			for _, m := range rootExample.FindAllStringSubmatch(before, -1) {
				last = append(last, &block{line: b.line, lang: "sh", text: m[1]})
			}
		}
		examples, _, _ = strings.Cut(examples, "\n\n")
		for line := range strings.Lines(examples) {
			line = strings.TrimPrefix(strings.TrimRight(line, "\n"), "  ")
			if n := len(out); n > 0 && strings.HasSuffix(out[n-1].text, "\\") {
				out[n-1].text += "\n" + line
				continue
			}
			out = append(out, &block{line: b.line, lang: "sh", text: line})
		}
	}
	return append(out, last...)
}

// cli are the examples of docs/cli.md. What they print is not shown there; they
// must end well.
func (tr *tour) cli(t *testing.T) {
	for _, left := range []string{"data", "data-backups"} {
		if err := os.RemoveAll(filepath.Join(tr.dir, left)); err != nil {
			t.Fatal(err)
		}
	}
	tr.serve(t, "exec bin/stet serve --data ./data")
	tr.filesOfExamples(t)
	examples := readPage(t, "docs/cli.md").examples()
	verify := slices.IndexFunc(examples, func(b *block) bool { return strings.HasPrefix(b.text, "stet verify") })
	if len(examples) < 20 || verify < 0 {
		t.Fatalf("%d examples", len(examples))
	}
	stopped := examples[verify]
	stopped.note = "after the server has stopped"
	for _, b := range append(slices.Delete(slices.Clone(examples), verify, verify+1), stopped) {
		if excused[b.text] != "" {
			continue
		}
		// jq is not everywhere, and what it does is not Stet's.
		b.text = strings.TrimSuffix(b.text, " | jq .json")
		tr.play(t, fmt.Sprintf("docs/cli.md:%d", b.line), b)
	}
}

// filesOfExamples are the files that the examples read.
func (tr *tour) filesOfExamples(t *testing.T) {
	t.Helper()
	var script strings.Builder
	script.WriteString("export PATH=\"$PWD/bin:$PATH\"\n")
	tutorial := readPage(t, "docs/tutorial.md").blocks
	i := slices.IndexFunc(tutorial, func(b *block) bool { return strings.HasPrefix(b.text, "cat > bank.json") })
	script.WriteString(tr.real(tutorial[i].text)) // puts the specification, too
	script.WriteString(`mkdir tests && cat > bank.test.json <<'END' &&
{"type": "account", "spec": "bank.json", "events": [{"type": "was_opened", "data": {"owner": "Ann"}}], "expect": {"owner": "Ann", "balance": 0}}
END
sed 's/"spec": "bank.json", //' bank.test.json > tests/bank.test.json &&
by='--meta actor_type=teller --meta actor_id=bob' &&
stet append account-42 --type was_opened --json-data '{"owner":"Ann"}' $by &&
stet append account-42 --type had_money_deposited --json-data '{"amount":50}' $by &&
stet append account-42 --type had_money_withdrawn --json-data '{"amount":20}' $by &&
stet append invoice-536365 --type Happened && stet export events.ndjson.zst --category invoice && stet export log.ndjson`)
	out, code, err := tr.terminal.run(script.String())
	if err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	file, err := os.Create(filepath.Join(tr.dir, "shop.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	packed := gzip.NewWriter(file)
	if _, err := packed.Write([]byte("InvoiceNo,Quantity,UnitPrice,CustomerID,InvoiceDate\n536365,6,2.55,42,2010-12-01 08:26:00\nC536366,-1,2.55,,2010-12-01 09:41:00\n")); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// markdownFiles are all pages of the tree.
func markdownFiles(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			name, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, filepath.ToSlash(name))
		}
	}
	return out
}

// Pages whose blocks of commands are run: the tutorial by package examples, the
// others by the tour.
var played = []string{"README.md", "docs/operations.md", "docs/tutorial.md"}

func TestEveryCommandInTheDocsIsRunOrHasAReason(t *testing.T) {
	said := map[string]bool{}
	for _, b := range readPage(t, "docs/cli.md").examples() {
		said[b.text] = true
	}
	looksLikeCommand := regexp.MustCompile(`(?m)^(\$ |stet |go |grpcurl |curl |bin/|git )`)
	span := regexp.MustCompile("`((?:go|grpcurl|curl|git) [^`]+)`")
	for _, name := range markdownFiles(t) {
		page := readPage(t, name)
		for _, b := range page.blocks {
			if b.commands() && !slices.Contains(played, name) && !strings.HasPrefix(b.note, notRun) {
				t.Errorf("%s:%d: no test runs this, and no comment says why", name, b.line)
			}
			if !b.commands() && name != "docs/cli.md" && looksLikeCommand.MatchString(b.text) && b.lang != "go" {
				t.Errorf("%s:%d: commands belong into a fence named sh or console", name, b.line)
			}
		}
		for _, m := range span.FindAllStringSubmatch(page.prose, -1) {
			said[m[1]] = true
			if excused[m[1]] == "" && !strings.Contains(m[1], "...") {
				t.Errorf("%s: %q is neither run nor excused", name, m[1])
			}
		}
	}
	for command := range excused {
		if !said[command] {
			t.Errorf("%q is excused, but no page says it", command)
		}
	}
}

// Commands inside a line are looked up, not run: command and flags must be
// those of the help that docs/cli.md repeats, which a test of cmd/stet holds
// equal to the program's.
func TestEveryFlagInTheDocsIsThere(t *testing.T) {
	help := map[string]string{}
	cli := readPage(t, "docs/cli.md")
	for _, b := range cli.blocks {
		if m := regexp.MustCompile(`(?m)^  stet ([a-z]+)\b.*\[`).FindStringSubmatch(b.text); b.lang == "text" && m != nil {
			help[m[1]] += b.text // with the commands below it
		}
	}
	help["tail"] = help["subscribe"]
	span := regexp.MustCompile("`stet ([a-z]+)([^`]*)`")
	flag := regexp.MustCompile(`--[a-z-]+`)
	for _, name := range markdownFiles(t) {
		for _, m := range span.FindAllStringSubmatch(readPage(t, name).prose, -1) {
			text, found := help[m[1]]
			if !found {
				t.Errorf("%s: there is no command stet %s", name, m[1])
			}
			for _, f := range flag.FindAllString(m[2], -1) {
				if !strings.Contains(text, f+" ") {
					t.Errorf("%s: stet %s has no flag %s", name, m[1], f)
				}
			}
		}
	}
}
