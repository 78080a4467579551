package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/cmd/stet/console"
)

// infoAnswer is what info prints as JSON.
type infoAnswer struct {
	Version     string     `json:"version"`
	HistoryID   string     `json:"history_id"`
	Head        uint64     `json:"head"`
	RecordedAt  string     `json:"recorded_at,omitempty"`
	Durability  string     `json:"durability"`
	SyncLatency string     `json:"sync_latency,omitempty"`
	StartedAt   string     `json:"started_at"`
	Format      uint32     `json:"format"`
	Features    []string   `json:"features"`
	Limits      infoLimits `json:"limits"`
}

type infoLimits struct {
	EventBytes           uint64 `json:"event_bytes"`
	RequestBytes         uint64 `json:"request_bytes"`
	RequestEvents        uint32 `json:"request_events"`
	RequestEntries       uint32 `json:"request_entries"`
	RequestWindowSeconds int64  `json:"request_window_seconds"`
	PipelineInFlight     uint32 `json:"pipeline_in_flight"`
}

func (a *app) infoCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Tell what the server is and how far its log reaches",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return console.ClientCommand(cmd, func(cmd *cobra.Command, _ []string, api *client.Client) error {
		return a.info(cmd.Context(), asJSON, api)
	})
}

func (a *app) info(ctx context.Context, asJSON bool, api *client.Client) error {
	info, err := api.Info(ctx)
	if err != nil {
		return err
	}
	head, err := api.Head(ctx)
	if err != nil {
		return err
	}
	limits := info.GetLimits()
	answer := infoAnswer{
		Version: info.GetVersion(), HistoryID: head.GetHistoryId(), Head: head.GetHead(),
		Durability: info.GetDurability(), StartedAt: console.Stamp(info.GetStartedAt().AsTime()), Format: info.GetFormat(),
		Features: append([]string{}, info.GetFeatures()...),
		Limits: infoLimits{
			limits.GetEventBytes(), limits.GetRequestBytes(), limits.GetRequestEvents(), limits.GetRequestEntries(),
			int64(limits.GetRequestWindow().AsDuration() / time.Second), limits.GetPipelineInFlight(),
		},
	}
	if t := head.GetRecordedAt(); t != nil {
		answer.RecordedAt = console.Stamp(t.AsTime())
	}
	if d := info.GetSyncLatency(); d != nil {
		answer.SyncLatency = d.AsDuration().String()
	}
	if asJSON {
		return console.PrintJSON(a.stdout, answer)
	}
	return a.infoForPeople(&answer)
}

func (a *app) infoForPeople(i *infoAnswer) error {
	rows := [][2]string{
		{"version", i.Version},
		{"history", i.HistoryID},
		{"head", console.Grouped(i.Head)},
		{"last event", i.RecordedAt},
		{"durability", i.Durability},
		{"sync latency", i.SyncLatency},
		{"started", i.StartedAt},
		{"format", fmt.Sprint(i.Format)},
		{"features", strings.Join(i.Features, " ")},
		{"an event has at most", console.Grouped(i.Limits.EventBytes) + " bytes"},
		{"a request", fmt.Sprintf("%s bytes, %d events, %d streams", console.Grouped(i.Limits.RequestBytes), i.Limits.RequestEvents, i.Limits.RequestEntries)},
		{"request ids live", (time.Duration(i.Limits.RequestWindowSeconds) * time.Second).String()},
	}
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(a.stdout, "%-21s %s\n", row[0], console.Harmless(row[1])); err != nil {
			return err
		}
	}
	return nil
}
