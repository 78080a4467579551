package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/internal/importing"
	"github.com/stet-db/stet/internal/interchange"
	"github.com/stet-db/stet/storage"
)

// importOptions are the flags of import.
type importOptions struct {
	connection  console.Connection
	format      string
	mapping     importing.Mapping
	delimiter   string
	regroup     bool
	name        string
	sideFile    string
	skipBad     string
	dryRun      int
	progressBar bool
	preserve    bool
	data        string
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Add the events of a file, nothing twice",
		Long: `Add the events of FILE, or of stdin when it is -, in the order of the file.
It may be packed with gzip or zstd.

NDJSON has one event a line: {"stream":"cart-1","type":"ItemAdded","json":{..}}
and, if wanted, "id", "occurred_at", "metadata", "tags", "schema_version"; what
export writes, too, without the server's own streams (export with --category or
--prefix when there are specifications, or restore all with --preserve). CSV is
mapped by Go templates over the columns that the first line names; without
--json the data is the row as an object.

Running it again adds nothing twice: chunks of events are sent with request ids
made of the source's name, the mapping and their number, and what was
acknowledged is noted in a side file next to the source, by which a killed
import goes on, for ever. Without the side file the server knows the request
ids for 7 days. Other content under the same name is an error that names the
line. A malformed line stops the import before the chunk it is in is sent.

Functions of templates:
` + importing.FunctionsHelp,
		Example: `  stet import events.ndjson.zst
  stet import shop.csv.gz --stream 'invoice-{{.InvoiceNo}}' \
    --type '{{if hasPrefix .InvoiceNo "C"}}LineCancelled{{else}}LineSold{{end}}' \
    --tag 'customer:{{.CustomerID}}' --time '{{.InvoiceDate}}' --time-zone Europe/London \
    --number Quantity,UnitPrice --meta actor_type=importer
  stet import log.ndjson --preserve --data ./restored`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.preserve {
				return a.restore(cmd, args[0], &o)
			}
			return a.importFile(cmd, args[0], &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "ndjson or csv (default: by the name of FILE, else ndjson)")
	o.mappingFlags(f)
	f.BoolVar(&o.regroup, "group", false, "gather the events of a stream inside a chunk: much faster when streams take turns line by line, but events of different streams may change places")
	f.StringVar(&o.name, "name", "", "what the source is known by (default: the name of FILE)")
	f.StringVar(&o.sideFile, "progress", "", "side `FILE` (default: FILE.stet-progress, in the working directory when the source's is read-only; none: no side file)")
	f.StringVar(&o.skipBad, "skip-bad", "", "go on after malformed lines, and write them with their reasons to `FILE`")
	f.IntVar(&o.dryRun, "dry-run", 0, "print the first `N` events as they would be added, and add nothing")
	f.BoolVar(&o.progressBar, "progress-bar", false, "show a progress bar (default: on a terminal)")
	f.BoolVar(&o.preserve, "preserve", false, "restore a complete export into a new store at --data: same history, ids, places and times")
	f.StringVar(&o.data, "data", "", "with --preserve: the `DIR`ectory of the new store; no server may use it")
	o.connection.Flags(f)
	return cmd
}

func (o *importOptions) mappingFlags(f *pflag.FlagSet) {
	m := &o.mapping
	f.StringVar(&m.Stream, "stream", "", "CSV: `TEMPLATE` of the stream's name")
	f.StringVar(&m.Type, "type", "", "CSV: `TEMPLATE` of the event's type")
	f.StringArrayVar(&m.Tags, "tag", nil, "CSV: `TEMPLATE` of a tag; left out when nothing is after its colon (repeatable)")
	f.StringVar(&m.Time, "time", "", "CSV: `TEMPLATE` of the time it happened")
	f.StringVar(&m.TimeZone, "time-zone", "", "CSV: `ZONE` of times that do not say theirs, for example Europe/London (default UTC)")
	f.StringVar(&m.TimeLayout, "time-layout", "", "CSV: `LAYOUT` of times in the manner of Go, or unix, or unix-ms (default: 2026-01-02 15:04:05 and the like)")
	f.StringSliceVar(&m.Numbers, "number", nil, "CSV: `COLUMNS` that become JSON numbers, digit by digit; an empty one becomes null")
	f.StringArrayVar(&m.Meta, "meta", nil, "CSV: metadata as `KEY=TEMPLATE`; left out when empty (repeatable)")
	f.StringVar(&m.JSON, "json", "", "CSV: `TEMPLATE` of the data (default: the row as an object)")
	f.Lookup("json").Annotations = map[string][]string{noVariable: {"STET_JSON is about output"}}
	f.StringVar(&o.delimiter, "delimiter", ",", "CSV: the `CHARACTER` between fields; \\t for a tab")
}

// complete fills in what follows from the name of the source, and checks.
func (o *importOptions) complete(cmd *cobra.Command, path string) error {
	base := strings.TrimSuffix(strings.TrimSuffix(baseName(path), ".gz"), ".zst")
	if o.format == "" {
		o.format = "ndjson"
		if strings.HasSuffix(base, ".csv") {
			o.format = "csv"
		}
	}
	if o.name == "" {
		o.name = baseName(path)
	}
	if o.format != "csv" && o.format != "ndjson" {
		return console.Usage(fmt.Sprintf("--format %q: want ndjson or csv", o.format))
	}
	if o.format == "ndjson" {
		for _, name := range []string{"stream", "type", "tag", "time", "time-zone", "time-layout", "number", "meta", "json", "delimiter"} {
			if onCommandLine(cmd.Flags(), name) {
				return console.Usage("--" + name + " is for CSV; say --format csv if that is what " + path + " is")
			}
		}
	}
	if o.delimiter == `\t` {
		o.delimiter = "\t"
	}
	runes := []rune(o.delimiter)
	if len(runes) != 1 || strings.ContainsAny(o.delimiter, "\"\r\n\ufffd") {
		return console.Usage(fmt.Sprintf("--delimiter %q: want one character, no quote or line end", o.delimiter))
	}
	o.mapping.Comma = runes[0]
	if onCommandLine(cmd.Flags(), "data") {
		return console.Usage("--data goes with --preserve; without it the events go to the server at --addr")
	}
	if o.dryRun < 0 {
		return console.Usage("--dry-run: want a number of events")
	}
	return nil
}

func (a *app) importFile(cmd *cobra.Command, path string, o *importOptions) (err error) {
	if err := o.complete(cmd, path); err != nil {
		return err
	}
	source, err := importing.Open(path, a.stdin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	job := &importing.Job{Name: o.name, Regroup: o.regroup, Taken: source.Taken, Now: time.Now}
	if job.Reader, err = o.reader(source); err != nil {
		return err
	}
	if job.Mapping, err = importing.MappingDigest(o.format, o.mapping, o.regroup); err != nil {
		return err
	}
	bad, err := openBadLines(o.skipBad, source, job)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bad.close()) }()
	if o.dryRun > 0 {
		return a.preview(job, o.dryRun)
	}
	return o.connection.With(func(api *client.Client) error {
		return a.runImport(cmd.Context(), path, job, source, o, api)
	})
}

func (o *importOptions) reader(source io.Reader) (importing.Reader, error) {
	if o.format == "ndjson" {
		return importing.NewLineReader(source), nil
	}
	r, err := importing.NewCSVReader(source, o.mapping)
	if err != nil {
		return nil, &console.UsageError{Err: fmt.Errorf("import %s: %w", o.name, err)}
	}
	return r, nil
}

// preview prints events without a server.
func (a *app) preview(job *importing.Job, n int) error {
	job.Limits = storage.Limits{}.WithDefaults()
	return job.Preview(n, func(rec importing.Record) error {
		_, err := a.stdout.Write(append(interchange.AppendEvent(nil, &rec.Event), '\n'))
		return err
	})
}

func (a *app) runImport(ctx context.Context, path string, job *importing.Job, source *importing.Source, o *importOptions, api *client.Client) error {
	info, err := api.Info(ctx)
	if err != nil {
		return err
	}
	if job.History, err = storage.ParseHistoryID(info.GetHistoryId()); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	job.Limits = limitsOf(info.GetLimits())
	job.Window = info.GetLimits().GetRequestWindow().AsDuration()
	job.Store = &importStore{api}
	if job.SideFile, err = sideFile(path, o.sideFile); err != nil {
		return err
	}
	if job.SideFile != "" && o.sideFile == "" && job.SideFile != path+sideSuffix {
		a.say("the source's directory is read-only; progress is noted in ./%s", job.SideFile)
	}
	bar := a.newImportBar(source, o.progressBar)
	job.Report = bar.show
	began := time.Now()
	summary, err := job.Run(ctx)
	bar.done()
	if err != nil {
		return a.stopped(ctx, job, summary, err)
	}
	return a.printSummary("imported", job.Name, summary, time.Since(began))
}

// stopped says how to go on.
func (a *app) stopped(ctx context.Context, job *importing.Job, s importing.Summary, err error) error {
	if s.Added > 0 {
		a.say("%s events of %s were added; run the same command again to go on", console.Grouped(s.Added), job.Name)
	}
	if ctx.Err() != nil {
		return errors.New("import: interrupted")
	}
	return fmt.Errorf("import: %w", err)
}
