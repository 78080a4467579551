package spec

import "github.com/stet-db/stet/replay/tick"

func (r *reader) lintName(name, path string) {}

func (r *reader) lintReads(e *Event, reads []tick.Read) {}

func (r *reader) lintTemplate(e *Event, t *tick.Template) {
	if t != nil {
		r.lintReads(e, t.Reads())
	}
}
