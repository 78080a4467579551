package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/server"
)

// connection is how the client commands reach a server.
type connection struct {
	addr     string
	insecure bool
	tls      struct{ ca, cert, key, name string }
}

func (c *connection) flags(f *pflag.FlagSet) {
	f.StringVar(&c.addr, "addr", server.DefaultListen, "the server's address, `HOST:PORT` or unix:PATH")
	f.BoolVar(&c.insecure, "insecure", false, "connect beyond this machine without TLS")
	f.StringVar(&c.tls.ca, "tls-ca", "", "PEM `FILE` of the authorities that the server's certificate must be signed by (default: the system's)")
	f.StringVar(&c.tls.cert, "tls-cert", "", "PEM `FILE` of the client's own certificate")
	f.StringVar(&c.tls.key, "tls-key", "", "PEM `FILE` of the client's own key")
	f.StringVar(&c.tls.name, "tls-server-name", "", "`NAME` expected in the server's certificate (default: the address's host)")
}

// with runs a task with a client and closes it.
func (c *connection) with(task func(*client.Client) error) (err error) {
	api, err := client.Dial(c.addr, client.Options{
		Insecure: c.insecure, CAFile: c.tls.ca, CertFile: c.tls.cert, KeyFile: c.tls.key, ServerName: c.tls.name,
	})
	if err != nil {
		return &usageError{err}
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	return task(api)
}

// clientCommand makes a command that speaks to a server.
func (a *app) clientCommand(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, api *client.Client) error) *cobra.Command {
	var c connection
	c.flags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.with(func(api *client.Client) error { return run(cmd, args, api) })
	}
	return cmd
}
