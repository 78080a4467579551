package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/stet-db/stet/internal/workload"
)

// benchUses are the loads of the flags that not all loads use.
var benchUses = map[string][]workload.Kind{
	"clients": {
		workload.KindAppend, workload.KindReadAll, workload.KindReadStreams, workload.KindFanout, workload.KindMixed,
		workload.KindValidated, workload.KindState,
	},
	"batch":          {workload.KindAppend, workload.KindFanout, workload.KindMixed, workload.KindValidated},
	"pipeline":       {workload.KindAppend, workload.KindValidated},
	"conflicts":      {workload.KindAppend, workload.KindValidated},
	"request-ids":    {workload.KindAppend, workload.KindFanout, workload.KindDelivery, workload.KindMixed, workload.KindValidated},
	"subscribers":    {workload.KindFanout, workload.KindMixed},
	"readers":        {workload.KindMixed},
	"reading":        {workload.KindReadAll, workload.KindFanout, workload.KindDelivery, workload.KindMixed},
	"snapshot-every": {workload.KindState},
	"events":         {workload.KindReadAll, workload.KindReadStreams, workload.KindMixed, workload.KindState},
	"stream-length":  {workload.KindReadAll, workload.KindReadStreams, workload.KindMixed, workload.KindState},
	"http-addr":      {workload.KindState},
}

// checkUse names the flags of the command line that nothing would heed: whoever
// gave them would take the figures for those of another load.
func (o *benchOptions) checkUse(flags *pflag.FlagSet) error {
	var faults []error
	flags.VisitAll(func(f *pflag.Flag) {
		if !onCommandLine(flags, f.Name) {
			return
		}
		users, some := benchUses[f.Name]
		uses := func(k workload.Kind) bool {
			return slices.Contains(users, k) || !slices.Contains(workload.Kinds, k) // what is no load is a fault of its own
		}
		if some && !slices.ContainsFunc(o.job.Plan.Kinds, uses) {
			faults = append(faults, fmt.Errorf("--%s is not used by %s; it is for %s", f.Name, listed(o.job.Plan.Kinds), listed(users)))
		}
		if own := f.Name == "dir" || f.Name == "serve-flag"; own && o.job.Addr != "" {
			faults = append(faults, fmt.Errorf("--%s is for a server started here; with --addr none is", f.Name))
		}
	})
	return errors.Join(faults...)
}

// checkStates refuses a load that was asked for and cannot run, before the log
// is filled for it. Among all loads it is told as not there.
func (o *benchOptions) checkStates(asked []string) error {
	if o.job.Addr != "" && o.job.HTTP == "" && slices.Contains(asked, string(workload.KindState)) {
		return errors.New("state of a running server needs --http-addr")
	}
	return nil
}

func listed(kinds []workload.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}
