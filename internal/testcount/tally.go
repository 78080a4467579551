package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// name is a test of a package; with an empty test, the package itself.
type name struct{ pkg, test string }

// proofLine begins a line that tells how much a test did, which is shown also
// when it passes.
const proofLine = "proof: "

// tally counts tests and keeps the output of those that have not ended.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int
	output                  map[name]*strings.Builder
	open                    map[name]bool
	failedIn                map[string]int
}

func newTally(out io.Writer) *tally {
	return &tally{
		out:      out,
		output:   map[name]*strings.Builder{},
		open:     map[name]bool{},
		failedIn: map[string]int{},
	}
}

// read takes events until the end of in. A line that is not an event is shown
// as it is: it comes from a tool that does not know about JSON.
func (t *tally) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil {
				t.add(e)
			} else {
				fmt.Fprint(t.out, line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test events: %w", err)
		}
	}
}

func (t *tally) add(e event) {
	n := name{e.Package, e.Test}
	switch e.Action {
	case "run":
		t.open[n] = true
	case "output":
		if strings.HasPrefix(e.Output, proofLine) {
			fmt.Fprint(t.out, e.Output)
		}
		t.keep(n, e.Output)
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e)
		} else {
			t.endTest(n, e.Action)
		}
	}
}

func (t *tally) keep(n name, output string) {
	b := t.output[n]
	if b == nil {
		b = &strings.Builder{}
		t.output[n] = b
	}
	b.WriteString(output)
}

// drop lets go of the kept output of n, after printing it when show is set.
func (t *tally) drop(n name, show bool) {
	if b := t.output[n]; b != nil && show {
		fmt.Fprint(t.out, b.String())
	}
	delete(t.output, n)
}

func (t *tally) endTest(n name, action string) {
	delete(t.open, n)
	t.drop(n, action != "pass")
	switch action {
	case "pass":
		t.passed++
	case "skip":
		t.skipped++
	case "fail":
		t.failed++
		t.failedIn[n.pkg]++
	}
}

// endPackage counts tests that never ended, because of a panic or a timeout,
// as failed, and so a package that failed outside of its tests.
func (t *tally) endPackage(e event) {
	for n := range t.open {
		if n.pkg == e.Package && e.Action == "fail" {
			t.endTest(n, "fail")
		}
	}
	t.drop(name{e.Package, ""}, e.Action == "fail")
	switch e.Action {
	case "fail":
		if t.failedIn[e.Package] == 0 {
			t.failed++
		}
		fmt.Fprintf(t.out, "FAIL %s (%.1fs)\n", e.Package, e.Elapsed)
	case "pass":
		fmt.Fprintf(t.out, "ok   %s (%.1fs)\n", e.Package, e.Elapsed)
	}
}

// finish prints the count and tells whether all is well.
func (t *tally) finish() bool {
	if t.passed+t.failed == 0 {
		fmt.Fprintln(t.out, "no test ran")
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	return t.failed == 0 && t.passed > 0
}
