package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stet-db/stet/internal/workload"
)

// One statement for each append, hence one commit and one wait for the log. The
// version is the next one; two clients that take the same one for the same
// stream collide at the unique index, and the later one tries again.
const (
	pgAppend = `INSERT INTO messages (stream, version, type, data, metadata)
SELECT $1, coalesce((SELECT max(version) FROM messages WHERE stream = $1), 0) + 1, $2, $3, $4
WHERE NOT $5 RETURNING position`
	pgAppendMany = `WITH added AS (INSERT INTO messages (stream, version, type, data, metadata)
SELECT $1, (SELECT coalesce(max(version), 0) FROM messages WHERE stream = $1) + e.n, e.type, e.data::json, e.metadata::json
FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS e(type, data, metadata, n)
WHERE NOT $5 ORDER BY e.n RETURNING position) SELECT max(position) FROM added`
	pgReadAll    = `SELECT position, stream, version, id, type, data, metadata, time FROM messages ORDER BY position`
	pgReadStream = `SELECT position, stream, version, id, type, data, metadata, time FROM messages WHERE stream = $1 ORDER BY version`
)

// uniqueViolation is PostgreSQL's code for a collision.
const uniqueViolation = "23505"

// collisions bounds how often an append is tried.
const collisions = 100

func (d *pgDriver) Writer(ctx context.Context, o workload.WriterOptions) (workload.Writer, error) {
	switch {
	case o.InFlight > 0:
		return nil, fmt.Errorf("pipelined commits: a connection does one after the other: %w", workload.ErrUnsupported)
	case o.RequestIDs:
		return nil, fmt.Errorf("request ids: %w", workload.ErrUnsupported)
	}
	conn, err := pgx.ConnectConfig(ctx, d.config)
	return &pgWriter{conn}, err
}

type pgWriter struct{ conn *pgx.Conn }

func (w *pgWriter) Append(ctx context.Context, a *workload.Append) (uint64, error) {
	for range collisions {
		last, err := w.try(ctx, a)
		var failure *pgconn.PgError
		if !errors.As(err, &failure) || failure.Code != uniqueViolation {
			return last, err
		}
	}
	return 0, fmt.Errorf("append to %s: %d collisions", a.Stream, collisions)
}

func (w *pgWriter) try(ctx context.Context, a *workload.Append) (uint64, error) {
	var last *int64
	var err error
	if len(a.Events) == 1 {
		e := &a.Events[0]
		metadata, fault := json.Marshal(e.Metadata)
		if fault != nil {
			return 0, fault
		}
		err = w.conn.QueryRow(ctx, pgAppend, a.Stream, e.Type, e.JSON, metadata, a.Unmet).Scan(&last)
	} else {
		types, data, metadata := make([]string, len(a.Events)), make([]string, len(a.Events)), make([]string, len(a.Events))
		for i := range a.Events {
			text, fault := json.Marshal(a.Events[i].Metadata)
			if fault != nil {
				return 0, fault
			}
			types[i], data[i], metadata[i] = a.Events[i].Type, a.Events[i].JSON, string(text)
		}
		err = w.conn.QueryRow(ctx, pgAppendMany, a.Stream, types, data, metadata, a.Unmet).Scan(&last)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && last == nil:
		return 0, workload.ErrConflict
	case err != nil:
		return 0, err
	}
	return uint64(*last), nil
}

func (w *pgWriter) Send(context.Context, *workload.Append, func(error)) error {
	return workload.ErrUnsupported
}

func (w *pgWriter) Close() error { return w.conn.Close(context.Background()) }

// Fill copies in bulk, then settles statistics and the visibility of rows.
func (d *pgDriver) Fill(ctx context.Context, set workload.Dataset, p *workload.Payload, progress func(int)) error {
	const chunk = 10_000
	for at := 0; at < set.Events(); at += chunk {
		n := min(chunk, set.Events()-at)
		_, err := d.pool.CopyFrom(ctx, pgx.Identifier{"messages"}, []string{"stream", "version", "type", "data", "metadata"},
			pgx.CopyFromSlice(n, func(i int) ([]any, error) {
				e := &p.Events(at+i, 1)[0]
				metadata, err := json.Marshal(e.Metadata)
				return []any{set.Stream((at + i) % set.Streams), int64((at+i)/set.Streams + 1), e.Type, e.JSON, string(metadata)}, err
			}))
		if err != nil {
			return err
		}
		progress(n)
	}
	for _, statement := range []string{"VACUUM ANALYZE messages", "CHECKPOINT"} {
		if _, err := d.pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// pgEvent is a row.
type pgEvent struct {
	position, version  int64
	stream, kind, data string
	id                 [16]byte
	metadata           *string
	time               time.Time
}

func scanEvents(rows pgx.Rows, decode bool, seen func(int) bool) error {
	defer rows.Close()
	var e pgEvent
	n := 0
	for rows.Next() {
		if decode {
			if err := rows.Scan(&e.position, &e.stream, &e.version, &e.id, &e.kind, &e.data, &e.metadata, &e.time); err != nil {
				return err
			}
		}
		if n++; n == 80 {
			n = 0
			if !seen(80) {
				return nil
			}
		}
	}
	seen(n)
	return rows.Err()
}

func (d *pgDriver) ReadAll(ctx context.Context, decode bool, seen func(int) bool) error {
	// An end before the last row leaves the connection with rows to come: it is
	// cut instead of drained.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := d.pool.Query(ctx, pgReadAll)
	if err != nil {
		return err
	}
	over := false
	err = scanEvents(rows, decode, func(n int) bool {
		if !over && !seen(n) {
			over = true
			cancel()
		}
		return !over
	})
	if over {
		return nil
	}
	return err
}

func (d *pgDriver) ReadStream(ctx context.Context, stream string) (int, error) {
	rows, err := d.pool.Query(ctx, pgReadStream, stream)
	if err != nil {
		return 0, err
	}
	sum := 0
	err = scanEvents(rows, true, func(n int) bool { sum += n; return true })
	return sum, err
}

func (d *pgDriver) Follow(context.Context, bool, func(uint64), func(uint64)) error {
	return fmt.Errorf("live delivery: PostgreSQL has notices, and positions that are not in the order of commits: %w", workload.ErrUnsupported)
}
