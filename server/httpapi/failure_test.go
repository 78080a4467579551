package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/replay/aggregate"
	"github.com/stet-db/stet/storage"
)

// The other errors are met by the tests over the wire.
func TestEveryErrorOfTheStoreHasAStatus(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
		log    bool
	}{
		{storage.ErrQueueFull, 429, "QUEUE_FULL", false},
		{storage.ErrShuttingDown, 503, "SHUTTING_DOWN", false},
		{storage.Invalid(storage.Violation{Field: "stream", Problem: "is empty"}), 422, "INVALID_REQUEST", false},
		{&storage.ConflictError{Conflicts: []storage.Conflict{{Stream: "a-1", Expected: storage.ExpectExists()}}}, 409, "CONFLICT", false},
		{&storage.StreamNotFoundError{Stream: "a-1"}, 404, "NOT_FOUND", false},
		{&storage.RequestsFullError{Limit: 3}, 429, "REQUEST_IDS_FULL", false},
		{&storage.DiskFloorError{Free: 1, Floor: 2}, 503, "DISK_FLOOR", false},
		{&storage.ClockError{Ahead: 2 * time.Hour}, 503, "CLOCK_AHEAD", false},
		{&storage.OutcomeUnknownError{Cause: fmt.Errorf("secret: %w", context.Canceled)}, 503, "OUTCOME_UNKNOWN", true},
		{&storage.BeyondHeadError{Cursor: 9, End: 8}, 400, "BEYOND_END", false},
		{&storage.CorruptionError{Where: "position 3", Detail: "checksum"}, 500, "DATA_DAMAGED", true},
		{&storage.UnknownFormError{Position: 3, Form: 2}, 500, "UNKNOWN_FORM", true},
		{&storage.FormatError{Dir: "secret"}, 500, "INTERNAL", true},
		{errors.New("secret"), 500, "INTERNAL", true},
		{errPanic, 500, "INTERNAL", true},
		{context.DeadlineExceeded, 503, "TIMEOUT", false},
		{context.Canceled, statusClientClosed, "CLIENT_CLOSED", false},
		{&http.MaxBytesError{Limit: 1}, 413, "BODY_TOO_LARGE", false},
		{&aggregate.Refusal{Code: "X"}, 500, "INTERNAL", true}, // of no kind
	} {
		f := failureOf(fmt.Errorf("wrapped: %w", c.err))
		if f.status != c.status || f.code != c.code || f.broken != c.log {
			t.Errorf("%v: %d %s, logged %t; want %d %s, logged %t", c.err, f.status, f.code, f.broken, c.status, c.code, c.log)
		}
		if body := string(f.body().b); strings.Contains(body, "secret") {
			t.Errorf("%v: tells %s", c.err, body)
		}
	}
	for kind := aggregate.Malformed; kind <= aggregate.Unavailable; kind++ {
		if statuses[kind] == 0 {
			t.Errorf("kind %d has no status", kind)
		}
	}
}

func TestLongSentencesAreCut(t *testing.T) {
	f := failure{status: 400, code: "X", problem: strings.Repeat("€", 2000)}
	if text := string(f.body().b); len(text) > maxMessage+200 || strings.Contains(text, "\uFFFD\uFFFD") {
		t.Errorf("%d bytes", len(text))
	}
}
