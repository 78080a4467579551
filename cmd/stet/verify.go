package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/storage"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/pebblestore"
)

func (a *app) verifyCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify --data DIR",
		Short: "Check a data directory or a backup, without changing it",
		Long: `Check a data directory that no server has open, or a backup, without changing
anything: the checksum of every block, file and event, that positions and
versions have no gap, that times never fall, and that every index is what the
log says it should be. Exit code 6 when something is wrong.`,
		Example: `  stet verify --data ./data`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context(), dir, asJSON) },
	}
	cmd.Flags().StringVar(&dir, "data", "./data", "the data `DIR`ectory")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func (a *app) verify(ctx context.Context, dir string, asJSON bool) error {
	began := time.Now()
	progress, done := a.verifyProgress()
	report, err := embedded.Verify(ctx, dir, embedded.Options{}, progress)
	done()
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if asJSON {
		err = console.PrintJSON(a.stdout, verifyAnswerOf(dir, &report))
	} else {
		err = printReport(a.stdout, dir, &report, time.Since(began))
	}
	if err == nil && len(report.Problems) > 0 {
		err = errDamaged
	}
	return err
}

// verifyProgress draws a bar on a terminal.
func (a *app) verifyProgress() (report func(at, head storage.Position), done func()) {
	if !isTerminal(a.stderr) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetDescription("verify"),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"))
	report = func(at, head storage.Position) {
		if bar.GetMax64() != int64(head) {
			bar.ChangeMax64(int64(head))
		}
		_ = bar.Set64(int64(at)) // a bar that cannot be drawn hurts nobody
	}
	return report, func() { _ = bar.Finish() } // likewise
}

// verifyAnswer is the report as JSON.
type verifyAnswer struct {
	Data           string          `json:"data"`
	OK             bool            `json:"ok"`
	HistoryID      string          `json:"history_id"`
	Head           uint64          `json:"head"`
	Events         uint64          `json:"events"`
	Streams        uint64          `json:"streams"`
	Requests       uint64          `json:"request_ids"`
	LastRecordedAt string          `json:"last_recorded_at,omitempty"`
	Problems       []verifyProblem `json:"problems"`
	More           int             `json:"more_problems,omitempty"`
}

type verifyProblem struct {
	Where  string `json:"where"`
	Detail string `json:"detail"`
}

func verifyAnswerOf(dir string, r *pebblestore.Report) verifyAnswer {
	answer := verifyAnswer{
		Data: dir, OK: len(r.Problems) == 0, HistoryID: r.History.String(), Head: uint64(r.Head),
		Events: r.Events, Streams: r.Streams, Requests: r.Requests, Problems: []verifyProblem{}, More: r.More,
	}
	if r.Events > 0 {
		answer.LastRecordedAt = console.Stamp(r.LastRecordedAt.Time())
	}
	for _, p := range r.Problems {
		answer.Problems = append(answer.Problems, verifyProblem{p.Where, p.Detail})
	}
	return answer
}

func printReport(out io.Writer, dir string, r *pebblestore.Report, took time.Duration) error {
	verdict := "clean"
	if len(r.Problems) > 0 {
		verdict = "DAMAGED"
	}
	last := ""
	if r.Events > 0 {
		last = ", the last one recorded at " + console.Stamp(r.LastRecordedAt.Time())
	}
	_, err := fmt.Fprintf(out, "%s: %s\nhistory %v, head %s\n%s events in %s streams%s; %s request ids\n", dir, verdict,
		r.History, console.Grouped(uint64(r.Head)), console.Grouped(r.Events), console.Grouped(r.Streams), last, console.Grouped(r.Requests))
	for _, p := range r.Problems {
		if err == nil {
			_, err = fmt.Fprintf(out, "  %s: %s\n", console.Harmless(p.Where), console.Harmless(p.Detail))
		}
	}
	if err == nil && r.More > 0 {
		_, err = fmt.Fprintf(out, "  and %d more\n", r.More)
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "checked in %v\n", took.Round(time.Millisecond))
	}
	return err
}
