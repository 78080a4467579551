package scale

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	stet, dir, out string
	sizes          sizes
	streams        int
	warmup         time.Duration
	duration       time.Duration
	settle         time.Duration
	opens          int
	walEvents      int
	connections    int
	dropCaches     bool
	quick          bool
}

// What -quick is: enough to go through everything.
var quickSizes = sizes{2_000, 6_000}

// usualDuration is that of a measurement when none is given.
const usualDuration = 5 * time.Second

// Bounds of the flags.
const (
	mostEvents      = 2_000_000_000
	mostOpens       = 100
	mostConnections = 1000
)

func parse(args []string, usage io.Writer) (*settings, error) {
	s := &settings{sizes: sizes{1_000_000, 10_000_000, 30_000_000}}
	f := flag.NewFlagSet("bench scale", flag.ContinueOnError)
	f.SetOutput(usage)
	f.StringVar(&s.stet, "stet", filepath.Join("..", "bin", "stet"), "the `program` to measure")
	f.StringVar(&s.dir, "dir", "", "`directory` in which to make the data directory (default: that for temporary files)")
	f.StringVar(&s.out, "out", ".", "`directory` for SCALE.md, scale.json and plots")
	f.Var(&s.sizes, "sizes", "the `events,...` to grow to, rising; k and M stand for thousands and millions")
	f.IntVar(&s.streams, "streams", 1_000_000, "streams of the log, at most the events of the least size")
	f.DurationVar(&s.warmup, "warmup", time.Second, "before each measurement")
	f.DurationVar(&s.duration, "duration", usualDuration, "of each measurement")
	f.DurationVar(&s.settle, "settle", time.Minute, "longest wait for background work after filling")
	f.IntVar(&s.opens, "opens", 5, "how often the store is opened after a clean stop, the first time after load; half as often after a kill")
	f.IntVar(&s.walEvents, "wal-events", 100_000, "events appended before each kill")
	f.IntVar(&s.connections, "connections", 4, "connections that the clients share")
	f.BoolVar(&s.dropCaches, "drop-caches", true, "have the machine forget what it read before each opening, where the user may")
	f.BoolVar(&s.quick, "quick", false, "a short run that shows that everything works; its figures mean little")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag; see -help", f.Arg(0))
	}
	if s.quick {
		s.sizes, s.dropCaches = quickSizes, false
		s.warmup, s.settle = 50*time.Millisecond, 100*time.Millisecond
		if s.duration == usualDuration { // one that is asked for stays
			s.duration = 200 * time.Millisecond
		}
		s.opens, s.walEvents = 2, 1000
	}
	s.streams = min(s.streams, s.sizes[0])
	return s, s.validate()
}

// validate names all faults at once.
func (s *settings) validate() error {
	var faults []error
	within := func(name string, value, least, most int) {
		if value < least || value > most {
			faults = append(faults, fmt.Errorf("-%s is %d; want %d to %d", name, value, least, most))
		}
	}
	within("streams", s.streams, 1, mostEvents)
	within("opens", s.opens, 2, mostOpens)
	within("wal-events", s.walEvents, 1, mostEvents)
	within("connections", s.connections, 1, mostConnections)
	if s.duration <= 0 || s.warmup < 0 || s.settle < 0 {
		faults = append(faults, fmt.Errorf("-duration is %v, -warmup %v, -settle %v; want more than 0, and the others not less", s.duration, s.warmup, s.settle))
	}
	for _, n := range s.sizes {
		// All streams are equally long at each size, so that reads are alike.
		if s.streams > 0 && n%s.streams != 0 {
			faults = append(faults, fmt.Errorf("-sizes has %d, which is no multiple of the %d streams: change -sizes or -streams", n, s.streams))
		}
	}
	return errors.Join(faults...)
}

// kills is how often the server is killed at each size.
func (s *settings) kills() int { return max(1, s.opens/2) }

// sizes are numbers of events, rising.
type sizes []int

// String is how the flag is written.
func (s *sizes) String() string {
	words := make([]string, len(*s))
	for i, n := range *s {
		words[i] = count(float64(n))
	}
	return strings.Join(words, ",")
}

// Set is [flag.Value].
func (s *sizes) Set(text string) error {
	var out sizes
	for word := range strings.SplitSeq(text, ",") {
		n, err := parseCount(word)
		if err != nil {
			return err
		}
		if len(out) > 0 && n <= out[len(out)-1] {
			return fmt.Errorf("%q is not above the size before it", word)
		}
		out = append(out, n)
	}
	*s = out
	return nil
}

func parseCount(word string) (int, error) {
	word = strings.TrimSpace(word)
	digits, factor := strings.TrimRight(word, "kM"), 1.0
	switch word[len(digits):] {
	case "k":
		factor = 1e3
	case "M":
		factor = 1e6
	case "":
	default:
		return 0, fmt.Errorf("%q is no number of events", word)
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n*factor < 1 || n*factor > mostEvents || n*factor != float64(int(n*factor)) {
		return 0, fmt.Errorf("%q is no number of events from 1 to %d, such as 500k or 30M", word, mostEvents)
	}
	return int(n * factor), nil
}

// count is a number of events in words.
func count(n float64) string {
	switch {
	case n >= 1e6:
		return strconv.FormatFloat(n/1e6, 'g', 3, 64) + "M"
	case n >= 1e3:
		return strconv.FormatFloat(n/1e3, 'g', 3, 64) + "k"
	default:
		return strconv.FormatFloat(n, 'g', 3, 64)
	}
}
