package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage/embedded"
	"github.com/stet-db/stet/storage/pebblestore"
)

// restore fills a new data directory from a complete export.
func (a *app) restore(cmd *cobra.Command, path string, o *importOptions) (err error) {
	if o.data == "" {
		return console.Usage("--preserve needs --data: the directory of the new store")
	}
	for _, name := range []string{"stream", "type", "tag", "time", "time-zone", "time-layout", "number", "meta", "json", "delimiter", "group", "name", "progress", "skip-bad", "dry-run"} {
		if onCommandLine(cmd.Flags(), name) {
			return console.Usage("--" + name + " does not go with --preserve, which changes nothing")
		}
	}
	source, err := importing.Open(path, a.stdin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	bar := a.newImportBar(source, o.progressBar)
	began := time.Now()
	var store *pebblestore.Restorer
	var header interchange.Header
	begin := func(h interchange.Header) (importing.Restorer, error) {
		header = h
		var err error
		store, err = embedded.Restore(o.data, embedded.Options{}, h.History)
		return store, err
	}
	summary, err := importing.Restore(cmd.Context(), baseName(path), importing.NewLineReader(source), begin, bar.show)
	bar.done()
	if err != nil {
		if store != nil {
			err = errors.Join(fmt.Errorf("%w; %s is not usable, delete it", err, o.data), store.Abort())
		}
		return fmt.Errorf("import: %w", err)
	}
	if err := store.Finish(); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	if err := a.printSummary("restored", baseName(path), summary, time.Since(began)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s has history %v and head %s\n", o.data, header.History, console.Grouped(uint64(header.Head)))
	return err
}
