package storagetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/stet-db/stet/storage"
)

// describe puts an answer to an append in words, without what may differ
// between stores that are both right: the head that a conflict names.
func describe(a storage.Appended, err error) string {
	var conflict *storage.ConflictError
	switch {
	case errors.As(err, &conflict):
		return fmt.Sprintf("conflicts %v", conflict.Conflicts)
	case err != nil:
		return "error: " + err.Error()
	}
	var b strings.Builder
	if a.Replayed {
		b.WriteString("replay of ")
	}
	fmt.Fprintf(&b, "%d..%d at %d, versions", a.First, a.Last, a.RecordedAt)
	for _, e := range a.Entries {
		fmt.Fprintf(&b, " %d..%d", e.First, e.Last)
	}
	h := fnv.New32a()
	for _, id := range a.IDs {
		h.Write(id[:])
	}
	fmt.Fprintf(&b, ", %d ids #%08x", len(a.IDs), h.Sum32())
	return b.String()
}

// describeEvents puts what a read gave in words: the position of each event and
// a hash of its bytes.
func describeEvents(events []kept, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events", len(events))
	for _, k := range events {
		h := fnv.New32a()
		h.Write(k.wire)
		fmt.Fprintf(&b, " %d#%08x", k.position, h.Sum32())
	}
	if err != nil {
		b.WriteString(", error: " + err.Error())
	}
	return b.String()
}

// Difference compares all that two stores show at rest: the log, every stream,
// and the listing. It is nil when they cannot be told apart.
func Difference(ctx context.Context, got, want storage.Store) error {
	compare := func(what, got, want string) error {
		if got != want {
			return fmt.Errorf("%s: got %s, want %s", what, got, want)
		}
		return nil
	}
	head := want.Head()
	if got.Head() != head {
		return fmt.Errorf("head: got %d, want %d", got.Head(), head)
	}
	for _, r := range []storage.AllRange{{}, {Backwards: true}} {
		g, w := describeEvents(collect(got.ReadAll(ctx, r))), describeEvents(collect(want.ReadAll(ctx, r)))
		if err := compare(fmt.Sprintf("the log, %+v", r), g, w); err != nil {
			return err
		}
	}
	q := storage.StreamsQuery{Limit: 1 << 30, Head: head, WithServerStreams: true}
	streams, err := want.Streams(ctx, q)
	if err != nil {
		return fmt.Errorf("list the streams of the store compared with: %w", err)
	}
	listed, err := got.Streams(ctx, q)
	if err := compare("streams", fmt.Sprint(listed, err), fmt.Sprint(streams, nil)); err != nil {
		return err
	}
	for _, info := range streams {
		r := storage.StreamRange{Stream: info.Name}
		g, w := describeEvents(collect(got.ReadStream(ctx, r))), describeEvents(collect(want.ReadStream(ctx, r)))
		if err := compare(fmt.Sprintf("stream %q", info.Name), g, w); err != nil {
			return err
		}
	}
	return nil
}
