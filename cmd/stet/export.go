package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
)

// exportOptions are the flags of export.
type exportOptions struct {
	stream    string
	selection selection
}

func (a *app) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the log to a file of JSON lines",
		Long: `Write all events that are there now to FILE, or to stdout when it is -: one JSON
object a line with stream, version, position, times, id, type, metadata, tags
and data, after a header line. A name that ends in .gz or .zst is compressed.
The same log always gives the same bytes.

Without filters the export is complete: 'stet import --preserve' restores the
whole log from it, with its history, ids, places and times. FILE is made, or
replaced, when the export is complete, never in part; a device or a pipe is
written to.`,
		Example: `  stet export log.ndjson.zst
  stet export - --stream invoice-536365 | jq .json`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&o.stream, "stream", "", "only events of this `STREAM`")
	o.selection.flags(f)
	o.selection.streamFlags(f)
	return console.ClientCommand(cmd, func(cmd *cobra.Command, args []string, api *client.Client) error {
		return a.export(cmd.Context(), args[0], &o, api)
	})
}

func (a *app) export(ctx context.Context, path string, o *exportOptions, api *client.Client) error {
	if o.stream != "" && len(o.selection.categories)+len(o.selection.prefixes) > 0 {
		return console.Usage("--stream names one stream; --category and --prefix choose among all")
	}
	began := time.Now()
	count := 0
	write := func(out io.Writer) (err error) {
		count, err = writeExport(ctx, out, o, api)
		return err
	}
	var err error
	if path == "-" {
		err = write(a.stdout)
	} else {
		err = writeFile(path, write)
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if path != "-" {
		took := time.Since(began)
		a.say("exported %s events to %s in %v, %s events/s", console.Grouped(count), path, took.Round(time.Millisecond), console.Grouped(int(float64(count)/took.Seconds())))
	}
	return nil
}

// writeExport writes header and events up to the head of now.
func writeExport(ctx context.Context, w io.Writer, o *exportOptions, api *client.Client) (count int, err error) {
	head, err := api.Head(ctx)
	if err != nil {
		return 0, err
	}
	header := interchange.Header{Head: storage.Position(head.GetHead()), Filtered: o.filtered()}
	if header.History, err = storage.ParseHistoryID(head.GetHistoryId()); err != nil {
		return 0, fmt.Errorf("the server's answer: %w", err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	line := append(interchange.AppendHeader(nil, header), '\n')
	if _, err := out.Write(line); err != nil {
		return 0, err
	}
	last := storage.Position(0)
	read := readOptions{all: o.stream == "", selection: o.selection}
	events := read.events(ctx, []string{o.stream}, api)
	if !header.Filtered {
		// A read of all leaves out the server's own streams, such as $spec.
		events = merged(events, api.ReadAll(ctx, client.LogRead{Filter: client.Filter{{StreamPrefixes: []string{"$"}}}}))
	}
	for recorded, err := range events {
		if err != nil {
			return count, err
		}
		e, err := eventOf(recorded)
		if err != nil {
			return count, err
		}
		if e.Position > header.Head {
			break // written while we read
		}
		if !header.Filtered && e.Position != last+1 {
			return count, fmt.Errorf("the event at position %d is followed by %d: the log cannot be exported completely", last, e.Position)
		}
		last = e.Position
		line = append(interchange.AppendEvent(line[:0], &e), '\n')
		if _, err := out.Write(line); err != nil {
			return count, err
		}
		count++
	}
	if !header.Filtered && last != header.Head {
		return count, fmt.Errorf("the log ends at position %d, before its head %d", last, header.Head)
	}
	return count, out.Flush()
}

// merged yields the events of two reads of the log in the order of positions.
func merged(a, b iter.Seq2[*stetv1.RecordedEvent, error]) iter.Seq2[*stetv1.RecordedEvent, error] {
	return func(yield func(*stetv1.RecordedEvent, error) bool) {
		next, stop := iter.Pull2(b)
		defer stop()
		other, fault, more := next()
		for e, err := range a {
			for ; more && fault == nil && err == nil && other.GetPosition() < e.GetPosition(); other, fault, more = next() {
				if !yield(other, nil) {
					return
				}
			}
			if err = errors.Join(err, fault); !yield(e, err) || err != nil {
				return
			}
		}
		for ; more; other, fault, more = next() {
			if !yield(other, fault) || fault != nil {
				return
			}
		}
	}
}

func (o *exportOptions) filtered() bool { return o.stream != "" || o.selection.filter() != nil }

// writeFile writes a file, compressed by its suffix. It takes its place when it
// is complete and on disk. A device or a pipe is written to instead: putting a
// file in its place would take it away from everybody. A link to a
// file stays, and the file is replaced.
func writeFile(path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(path, write)
	}
	target := path
	if err == nil {
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	return replaceFile(target, path, write)
}

// writeThrough writes to what is there.
func writeThrough(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(compressed(file, path, write), file.Close())
}

// replaceFile writes beside the target and renames. The name tells how to
// compress.
func replaceFile(target, name string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = compressed(file, name, write)
	if err == nil {
		err = file.Chmod(0o640) // CreateTemp made it for us alone
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), target)
}

// compressed compresses by the suffix, always in the same way.
func compressed(file io.Writer, path string, write func(io.Writer) error) error {
	var packer io.WriteCloser
	switch {
	case strings.HasSuffix(path, ".gz"):
		packer = gzip.NewWriter(file) // no name, no time
	case strings.HasSuffix(path, ".zst"):
		z, err := zstd.NewWriter(file, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		packer = z
	default:
		return write(file)
	}
	return errors.Join(write(packer), packer.Close())
}
