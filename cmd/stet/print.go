package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
)

// eventPrinter writes events, one a line: as JSON, or for people.
type eventPrinter struct {
	out  *bufio.Writer
	json bool
	line []byte
}

func newEventPrinter(out io.Writer, asJSON bool) *eventPrinter {
	return &eventPrinter{out: bufio.NewWriterSize(out, 64<<10), json: asJSON}
}

func (p *eventPrinter) print(r *stetv1.RecordedEvent) error {
	e, err := eventOf(r)
	if err != nil {
		return err
	}
	if p.json {
		p.line = interchange.AppendEvent(p.line[:0], &e)
	} else {
		p.line = append(p.line[:0], forPeople(&e)...)
	}
	_, err = p.out.Write(append(p.line, '\n'))
	return err
}

func (p *eventPrinter) flush() error { return p.out.Flush() }

// forPeople is an event on one line of a terminal.
func forPeople(e *storage.Event) string {
	payload := fmt.Sprintf("<%d bytes>", len(e.Payload))
	if e.Kind == storage.PayloadJSON {
		var compact bytes.Buffer
		if json.Compact(&compact, e.Payload) == nil {
			payload = compact.String()
		}
	}
	line := fmt.Sprintf("%d  %s@%d  %s  %s  %s", e.Position, e.Stream, e.Version, e.RecordedAt.Time().Format("2006-01-02T15:04:05.000Z"), e.Type, payload)
	if len(e.Tags) > 0 {
		line += "  [" + strings.Join(e.Tags, " ") + "]"
	}
	return console.Harmless(line)
}
