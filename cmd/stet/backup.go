package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/stet-db/stet/cmd/stet/console"
	"github.com/stet-db/stet/server"
)

func (a *app) backupCommand() *cobra.Command {
	var addr, keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup [NAME]",
		Short: "Have the server back up its data while it goes on",
		Long: `Have the server copy its data, as it is now, into the directory NAME below its
--backup-dir, and print the path when the copy is on disk. NAME is the time by
default. To restore, copy the directory and serve the copy: it gets a history
id of its own, so that no cursor of the old log is taken for one of the new.`,
		Example: `  stet backup
  stet backup before-upgrade --ops-addr 127.0.0.1:7840`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := time.Now().UTC().Format("20060102T150405Z")
			if len(args) == 1 {
				name = args[0]
			}
			key, err := console.ReadKey(keyFile)
			if err != nil {
				return err
			}
			return a.backup(cmd.Context(), addr, key, name, asJSON)
		},
	}
	cmd.Flags().StringVar(&addr, "ops-addr", server.DefaultOpsListen, "address of the server's operations listener, `HOST:PORT`")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "`FILE` that holds the key to show to a server with keys")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// backupUnavailable is a server that cannot be asked.
type backupUnavailable struct{ err error }

func (e *backupUnavailable) Error() string { return e.err.Error() }

// Unwrap is why.
func (e *backupUnavailable) Unwrap() error { return e.err }

func (a *app) backup(ctx context.Context, addr, key, name string, asJSON bool) (err error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return console.Usage(fmt.Sprintf("--ops-addr %q: want HOST:PORT", addr))
	}
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/backup", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	transport := &http.Transport{} // of its own, so that nothing stays open
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return &backupUnavailable{fmt.Errorf("ask for a backup: %w", err)}
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	var answer struct {
		Path  string `json:"path"`
		Error string `json:"error"`
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("the answer of %s is not that of an operations listener: %w", addr, err)
	}
	switch {
	case response.StatusCode == http.StatusBadRequest:
		return console.Usage("backup: " + answer.Error)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("backup: %s", answer.Error)
	case asJSON:
		return console.PrintJSON(a.stdout, map[string]string{"path": answer.Path})
	}
	_, err = fmt.Fprintln(a.stdout, answer.Path)
	return err
}
