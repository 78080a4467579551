package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stet-db/stet/internal/workload"
)

// WriteTable writes the report for people.
func (r *Report) WriteTable(out io.Writer) error {
	m := &r.Machine
	fmt.Fprintf(out, "stet %s at %s, %s, durability %s\n", r.Version, r.Server, r.Date.UTC().Format(time.RFC3339), r.Durability)
	fmt.Fprintf(out, "machine   %s, %d cores, %s memory, %s %s, %s, load before %.2f\n", m.CPU, m.Cores, bytes(float64(m.MemoryBytes)), m.OS, m.Kernel, m.Go, m.Load)
	if r.InMemory {
		fmt.Fprintln(out, "WARNING   the data are on a tmpfs, in memory: nothing there is durable, whatever the durability, and syncs cost nothing")
	}
	fmt.Fprint(out, "sync      ", r.syncs())
	fmt.Fprintf(out, "\nevent     %d B JSON, %d B metadata, %d B as stored\n", r.JSONBytes, r.MetadataBytes, r.StoredBytes)
	loop := "closed loop"
	if r.Rate > 0 {
		loop = fmt.Sprintf("open loop at %s a second, latency from the intended time", rate(r.Rate))
	}
	fmt.Fprintf(out, "load      %s over %d connections, rounds of %.3gs after %.3gs\n\n", loop, r.Connections, r.Seconds, r.WarmupSeconds)
	if r.Incomplete != "" {
		fmt.Fprintf(out, "INCOMPLETE: these are the rounds measured before it ended: %s\n\n", r.Incomplete)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tevents/s\tspread\tops/s\tp50\tp99\tp99.9\tclient us\tserver us\tswitches\tev/commit\twritten/raw\tmemory\t")
	for i := range r.Results {
		row(t, &r.Results[i])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nclient us, server us and switches are of each operation; of read-all and fanout, of each event.")
	if err == nil {
		err = r.notes(out)
	}
	return err
}

// syncs says what a sync takes, as far as it is known.
func (r *Report) syncs() string {
	text := "not measured, the server was not started here"
	if r.SyncMicros[0] > 0 {
		text = fmt.Sprintf("%.0f us median, %.0f us p99 of a 512 byte write with fdatasync", r.SyncMicros[0], r.SyncMicros[1])
	}
	if r.ServerSyncMicros > 0 {
		text += fmt.Sprintf("; the server's commits took %.0f us", r.ServerSyncMicros)
	}
	return text
}

func row(out io.Writer, r *Result) {
	if r.Unsupported != "" {
		fmt.Fprintf(out, "%s\t%s\t\t\t\t\t\t\t\t\t\t\t\t\n", r.Name, r.Unsupported)
		return
	}
	s := &r.Summary
	fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Name,
		count(s.EventsPerSecond.Median), spread(s.EventsPerSecond), count(s.OpsPerSecond.Median),
		micros(s.P50Micros.Median), micros(s.P99Micros.Median), micros(s.P999Micros.Median),
		small(s.ClientCPUMicros.Median), small(s.ServerCPUMicros.Median), small(s.ServerSwitches.Median),
		small(s.EventsPerCommit.Median), small(s.WrittenPerRaw.Median), bytes(s.MemoryBytes.Median))
}

// notes says what the columns do not.
func (r *Report) notes(out io.Writer) error {
	var err error
	for i := range r.Results {
		result := &r.Results[i]
		sum := result.Sum()
		var words []string
		if sum.Conflicts > 0 {
			words = append(words, fmt.Sprintf("%d conflicts as intended", sum.Conflicts))
		}
		if result.Case.Subscribers > 0 && len(result.Rounds) > 0 {
			words = append(words, fmt.Sprintf("%d gaps, %d repetitions", sum.Gaps, sum.Repeats))
		}
		if free := r.rateWithoutRules(result); free > 0 && result.Case.Kind == workload.KindValidated {
			words = append(words, fmt.Sprintf("%.2f of the rate without rules", ratio(result.Summary.EventsPerSecond.Median, free)))
		}
		if behind := result.Summary.BehindSeconds; behind.Most >= 0.001 {
			words = append(words, fmt.Sprintf("the last subscriber had everything %.3g s after the last append", behind.Median))
		}
		for k := 1; len(result.Rounds) > 0 && k < len(result.Rounds[0].Parts); k++ {
			p := &result.Rounds[0].Parts[k]
			words = append(words, fmt.Sprintf("%s (%d): %s events/s, p50 %s, p99 %s", p.Name, p.Callers, count(p.EventsPerSecond),
				micros(us(p.Latency.At(50))), micros(us(p.Latency.At(99)))))
		}
		if len(words) > 0 && err == nil {
			_, err = fmt.Fprintf(out, "%s: %s\n", result.Name, strings.Join(words, "; "))
		}
	}
	return err
}

// rateWithoutRules is that of the same case, run without rules; 0: it was not
// run.
func (r *Report) rateWithoutRules(result *Result) float64 {
	free := result.Case
	free.Kind = workload.KindAppend
	for i := range r.Results {
		if r.Results[i].Case == free {
			return r.Results[i].Summary.EventsPerSecond.Median
		}
	}
	return 0
}

// WriteBars draws the rates, the longest bar being the highest of its kind.
func (r *Report) WriteBars(out io.Writer) error {
	most := map[workload.Kind]float64{}
	for i := range r.Results {
		k := r.Results[i].Case.Kind
		most[k] = max(most[k], r.Results[i].Summary.EventsPerSecond.Median)
	}
	for i := range r.Results {
		result := &r.Results[i]
		events := result.Summary.EventsPerSecond.Median
		if _, err := fmt.Fprintf(out, "%-32s %-40s %s/s\n", result.Name, strings.Repeat("█", int(40*ratio(events, most[result.Case.Kind]))), count(events)); err != nil {
			return err
		}
	}
	return nil
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// rate is a number that may be less than one.
func rate(n float64) string {
	if n < 10 {
		return small(n)
	}
	return count(n)
}

// count is a number in three digits or a few more.
func count(n float64) string {
	switch {
	case n >= 10e6:
		return fmt.Sprintf("%.1f M", n/1e6)
	case n >= 1e6:
		return fmt.Sprintf("%.2f M", n/1e6)
	case n >= 10e3:
		return fmt.Sprintf("%.1f k", n/1e3)
	default:
		return fmt.Sprintf("%.0f", n)
	}
}

func spread(s workload.Spread) string {
	if s.Median == 0 {
		return ""
	}
	return fmt.Sprintf("-%.0f/+%.0f%%", 100*(s.Median-s.Least)/s.Median, 100*(s.Most-s.Median)/s.Median)
}

func micros(n float64) string {
	switch {
	case n == 0:
		return ""
	case n >= 10e6:
		return fmt.Sprintf("%.1f s", n/1e6)
	case n >= 10e3:
		return fmt.Sprintf("%.1f ms", n/1e3)
	default:
		return fmt.Sprintf("%.0f us", n)
	}
}

func small(n float64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.3g", n)
}

func bytes(n float64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MiB", n/(1<<20))
}
