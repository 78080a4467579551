package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stet-db/stet/internal/workload/report"
)

// The file was there to be made when the measurement began; now it is not.
func TestFiguresArePrintedAlsoWhenTheyCannotBeDrawn(t *testing.T) {
	var out strings.Builder
	a := &app{stdout: &out}
	err := a.printBench(&report.Report{Version: "v7"}, &benchOptions{svg: filepath.Join(t.TempDir(), "gone", "plot.svg")})
	if err == nil || !strings.Contains(err.Error(), "draw: ") {
		t.Errorf("the drawing: %v", err)
	}
	if !strings.Contains(out.String(), "stet v7 at") {
		t.Errorf("printed %q", out.String())
	}
}
