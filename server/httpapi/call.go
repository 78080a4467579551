package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/stet-db/stet/internal/keyring"
	"github.com/stet-db/stet/server/inbound"
	"github.com/stet-db/stet/storage"
)

// call is one request on its way. It belongs to the goroutine of the request.
type call struct {
	api *API
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context

	read  *inbound.Body // nil: none was
	began time.Time
	name  string // for the log
	label string // of the route, for the metrics
	code  int    // of the answer; 0 before it

	key            keyring.Key
	rt             *route
	typ, id, event string
	alias          *alias
	q              query
}

// head sets what all answers have.
func (c *call) head() {
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if c.name != "" {
		h.Set(headerRequestID, c.name)
	}
}

// reply ends an answer that [okay] began, and sends it.
func (c *call) reply(status int, t *text) error {
	t.close('}')
	if err := t.fits(); err != nil {
		return err
	}
	c.send(status, t)
	return nil
}

func (c *call) send(status int, t *text) {
	c.code = status
	c.read.End() // what nobody takes the answer to must not keep others out
	// A connection that knows no deadlines is not one of the listener's.
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(answerTimeout))
	c.w.Header().Set("Content-Type", contentTypeJSON)
	c.w.WriteHeader(status)
	_, _ = c.w.Write(append(t.b, '\n')) // a client that left does not want it
}

// body reads a body of JSON, once for a call.
func (c *call) body(limit int) ([]byte, error) {
	if err := c.checkContentType(); err != nil {
		return nil, err
	}
	// A connection that knows no deadlines is not one of the listener's.
	control := http.NewResponseController(c.w)
	deadline := func(at time.Time) { _ = control.SetReadDeadline(at) }
	// Without an end to it, a client could keep a connection for ever.
	deadline(time.Now().Add(bodyTimeout))
	c.read = c.api.bodies.Begin(http.MaxBytesReader(c.w, c.r.Body, int64(limit)), func() { deadline(time.Unix(1, 0)) })
	text, err := io.ReadAll(c.read)
	c.read.Whole()
	if c.read.GivenUp() {
		return nil, &failure{status: http.StatusTooManyRequests, code: CodeBodiesFull, retry: true, problem: fmt.Sprintf(
			"the bodies of all requests held more than %d bytes, which is the most, and this one was the largest that had not come whole", c.api.o.BodyBytes)}
	}
	if err != nil {
		return nil, c.unread(err)
	}
	deadline(time.Time{}) // from here on it would only cut the waiting
	return text, nil
}

// unread says why a body was not read.
func (c *call) unread(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || c.ctx.Err() != nil {
		return errors.Join(err, c.ctx.Err())
	}
	return badForm(CodeNotJSON, "the body ended before its end, or took more than "+bodyTimeout.String())
}

// badForm: the body is no JSON, or not said to be.
func badForm(code, problem string) error {
	return &failure{status: http.StatusBadRequest, code: code, problem: problem}
}

func (c *call) checkContentType() error {
	given := c.r.Header.Values("Content-Type")
	if len(given) == 1 {
		kind, parameters, err := mime.ParseMediaType(given[0])
		charset, more := parameters["charset"]
		if err == nil && kind == contentTypeJSON && (!more || strings.EqualFold(charset, "utf-8")) {
			if encoding := c.r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
				return badForm(CodeContentType, fmt.Sprintf("Content-Encoding is %.64q; bodies are not compressed", encoding))
			}
			return nil
		}
	}
	return badForm(CodeContentType, fmt.Sprintf("Content-Type is %.256q; want %s", strings.Join(given, ", "), contentTypeJSON))
}

// warn tells of what handlers could not do.
func (c *call) warn(skipped, warnings uint64) {
	if skipped > 0 || warnings > 0 {
		c.w.Header().Set(headerWarnings, fmt.Sprintf("skipped=%d, warnings=%d", skipped, warnings))
	}
}

// requestID is the idempotency key of a write.
func (c *call) requestID() (string, error) {
	given := c.r.Header.Values(headerIdempotency)
	switch {
	case len(given) == 0:
		return "", nil
	case len(given) > 1:
		return "", malformed(headerIdempotency, "is given more than once")
	}
	if problem := storage.TextProblem(given[0], c.api.o.Limits.RequestIDBytes); problem != "" {
		return "", malformed(headerIdempotency, problem)
	}
	return given[0], nil
}
