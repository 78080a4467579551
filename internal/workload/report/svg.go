package report

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/stet-db/stet/internal/workload"
)

// Colours of a drawing's series, told apart by most eyes.
var colours = []string{"#3366cc", "#dc8a1e", "#3a9c57", "#b03a3a", "#7a52a8", "#2f9aa0", "#8c6d31", "#666666"}

// SVG draws the rates of all cases and their latencies by percentile.
func (r *Report) SVG() []byte {
	var rates Bars
	rates.Title, rates.Unit = "events a second", ""
	lines := Lines{Title: "latency by percentile", X: "percentile", Y: "microseconds"}
	for _, p := range workload.Percentiles[:len(workload.Percentiles)-1] {
		lines.Ticks = append(lines.Ticks, fmt.Sprint(p))
	}
	for i := range r.Results {
		result := &r.Results[i]
		if len(result.Rounds) == 0 {
			continue
		}
		rates.Groups = append(rates.Groups, Group{Name: result.Name, Values: []float64{result.Summary.EventsPerSecond.Median}})
		if result.Rounds[0].Parts[0].Latency.Count == 0 {
			continue
		}
		line := Line{Name: result.Name}
		for _, p := range workload.Percentiles[:len(workload.Percentiles)-1] {
			line.Values = append(line.Values, result.Latency(p).Median)
		}
		lines.Lines = append(lines.Lines, line)
	}
	rates.Series = []string{"stet"}
	top, height := rates.draw(0)
	below, more := lines.draw(height + 30)
	return document(height+30+more, top+below)
}

// Group is the bars that stand together.
type Group struct {
	Name   string
	Values []float64 // one for each series; 0: none
}

// Bars is a drawing of groups of bars, each group by its own scale, since rows
// of a benchmark differ by orders of magnitude.
type Bars struct {
	Title, Unit string
	Series      []string
	Groups      []Group
}

// SVG is the drawing.
func (b Bars) SVG() []byte {
	body, height := b.draw(0)
	return document(height, body)
}

const width = 900

func document(height int, body string) []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="#ffffff"/>
%s</svg>
`, width, height, body)
}

func text(out *strings.Builder, x, y int, anchor, style, words string) {
	fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, style, html.EscapeString(words))
}

func (b Bars) draw(y int) (body string, height int) {
	var out strings.Builder
	const left, long, bar = 300, 480, 14
	y += 24
	text(&out, 12, y, "start", ` font-size="16"`, b.Title)
	if len(b.Series) > 1 {
		for i, name := range b.Series {
			y += 18
			fmt.Fprintf(&out, `<rect x="12" y="%d" width="12" height="12" fill="%s"/>`+"\n", y-10, colours[i%len(colours)])
			text(&out, 30, y, "start", "", name)
		}
	}
	y += 12
	for _, g := range b.Groups {
		most := 0.0
		for _, v := range g.Values {
			most = max(most, v)
		}
		text(&out, left-8, y+bar*(len(g.Values)+1)/2, "end", "", g.Name)
		for i, v := range g.Values {
			if v > 0 {
				w := int(long * ratio(v, most))
				fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", left, y, w, bar-2, colours[i%len(colours)])
				text(&out, left+w+5, y+bar-4, "start", ` font-size="11"`, count(v)+b.Unit)
			}
			y += bar
		}
		y += 8
	}
	return out.String(), y + 8
}

// Line is one series of a drawing of lines.
type Line struct {
	Name   string
	Values []float64 // one for each tick; 0 or less: none
}

// Lines is a drawing of lines over named ticks, with a logarithmic scale.
type Lines struct {
	Title, X, Y string
	Ticks       []string
	Lines       []Line
}

// SVG is the drawing.
func (l Lines) SVG() []byte {
	body, height := l.draw(0)
	return document(height, body)
}

func (l Lines) draw(y int) (body string, height int) {
	var out strings.Builder
	const left, long, high = 80, 540, 280
	text(&out, 12, y+24, "start", ` font-size="16"`, fmt.Sprintf("%s (%s)", l.Title, l.Y))
	top := y + 44
	low, most := l.decades()
	at := func(v float64) int { return top + high - int(high*(math.Log10(v)-low)/max(most-low, 1)) }
	for d := low; d <= most; d++ {
		fmt.Fprintf(&out, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#dddddd"/>`+"\n", left, at(math.Pow(10, d)), left+long, at(math.Pow(10, d)))
		text(&out, left-6, at(math.Pow(10, d))+4, "end", "", count(math.Pow(10, d)))
	}
	step := long / max(len(l.Ticks)-1, 1)
	for i, tick := range l.Ticks {
		text(&out, left+i*step, top+high+18, "middle", "", tick)
	}
	text(&out, left+long/2, top+high+36, "middle", "", l.X)
	for i, line := range l.Lines {
		var points []string
		for k, v := range line.Values {
			if v > 0 {
				points = append(points, fmt.Sprintf("%d,%d", left+k*step, at(v)))
			}
		}
		colour := colours[i%len(colours)]
		fmt.Fprintf(&out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="12" height="4" fill="%s"/>`+"\n", left+long+14, top+i*16+4, colour)
		text(&out, left+long+30, top+i*16+10, "start", ` font-size="11"`, line.Name)
	}
	return out.String(), 44 + max(high+50, 16*len(l.Lines)+10)
}

// decades are the powers of ten around all values.
func (l Lines) decades() (low, most float64) {
	low, most = math.Inf(1), math.Inf(-1)
	for _, line := range l.Lines {
		for _, v := range line.Values {
			if v > 0 {
				low, most = min(low, math.Floor(math.Log10(v))), max(most, math.Ceil(math.Log10(v)))
			}
		}
	}
	if low > most {
		return 0, 1
	}
	return low, most
}
