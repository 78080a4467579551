package stetload

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stet-db/stet/internal/workload"
)

// Metrics reads the server's metrics without labels from its operations
// listener.
func Metrics(ctx context.Context, ops string) (map[string]float64, error) {
	answer, err := fetch(ctx, "http://"+ops+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("read the server's metrics: %w", err)
	}
	defer func() { _ = answer.Close() }() // all of it was read, or an error is told
	out := map[string]float64{}
	lines := bufio.NewScanner(answer)
	for lines.Scan() {
		name, text, found := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); found && err == nil {
			out[name] = value
		}
	}
	return out, lines.Err()
}

// UsageOf is what the metrics tell about the server's process.
func UsageOf(metrics map[string]float64) workload.Usage {
	return workload.Usage{
		CPU:         time.Duration(metrics["process_cpu_seconds_total"] * float64(time.Second)),
		MemoryBytes: int64(metrics["process_resident_memory_bytes"]),
		Commits:     int64(metrics["stet_commits_total"]),
	}
}

// Profile writes a processor profile of the server, as pprof reads it.
func Profile(ctx context.Context, ops string, d time.Duration, out io.Writer) error {
	seconds := max(1, int(d.Round(time.Second)/time.Second))
	answer, err := fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", ops, seconds))
	if err != nil {
		return fmt.Errorf("profile the server: %w", err)
	}
	defer func() { _ = answer.Close() }() // all of it was read, or an error is told
	_, err = io.Copy(out, answer)
	return err
}

func fetch(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close() // the status says it all
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return answer.Body, nil
}
