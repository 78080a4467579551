package mutant_test

import (
	"regexp"
	"strings"
	"testing"
)

var (
	complaint = regexp.MustCompile(`(?m)^(\s+\S+\.go:\d+: .*|panic: .*|fatal error: .*)$`)
	// aside is what tests print and do not complain of.
	aside = regexp.MustCompile(`: (proof: )?seed \d+$|: \d+ trials in `)
	// floor is a complaint of too little work done.
	floor = regexp.MustCompile(`, want at least \d+( of each)?$|: below the floor: `)
)

// complaints are what the test said went wrong, in order.
func complaints(output string) (out []string) {
	for _, line := range complaint.FindAllString(output, -1) {
		if line = strings.TrimSpace(line); !aside.MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

// firstComplaint is what the test said first.
func firstComplaint(output string) string {
	if all := complaints(output); len(all) > 0 {
		return all[0][:min(len(all[0]), 160)]
	}
	return "it ended with an error"
}

// saysNothing is why the failure of a run is no notice of a fault: a machine
// that is slow or busy fails in the same way without it. Empty where it is one.
func saysNothing(output string) string {
	all := complaints(output)
	floors := 0
	for _, line := range all {
		switch {
		case strings.Contains(line, "test timed out"):
			return "its time was over"
		case floor.MatchString(line):
			floors++
		}
	}
	if floors > 0 && floors == len(all) {
		return "it did too little"
	}
	return ""
}

func TestSlownessIsNoNoticeOfAFault(t *testing.T) {
	for _, c := range []struct {
		output string
		notice bool
	}{
		{"panic: test timed out after 2m50s\n\trunning tests:\n", false},
		{"--- FAIL: TestA (9.00s)\n    a_test.go:9: something was lost\npanic: test timed out after 2m50s\n", false},
		{"--- FAIL: TestA (9.00s)\n    a_test.go:3: proof: seed 7\n    a_test.go:9: 12 crash schedules, want at least 1000\n", false},
		{"--- FAIL: TestA (9.00s)\n    a_test.go:9: 1 edges and 2 reconnects, want at least 20 of each\n", false},
		{"--- FAIL: TestA (9.00s)\n    a_test.go:9: below the floor: map[images:3]\n", false},
		{"--- FAIL: TestA (9.00s)\n    a_test.go:8: life 3: an append is gone\n    a_test.go:9: 12 crash schedules, want at least 1000\n", true},
		{"--- FAIL: TestA (9.00s)\n    a_test.go:9: 3 events, want 4\n", true},
		{"panic: send on closed channel\n", true},
		{"exit status 70\n", true},
	} {
		if why := saysNothing(c.output); (why == "") != c.notice {
			t.Errorf("%q is a notice: %v, because %q", c.output, why == "", why)
		}
	}
}
