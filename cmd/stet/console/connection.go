package console

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stet-db/stet/client"
	"github.com/stet-db/stet/server"
)

// Connection is how the client commands reach a server.
type Connection struct {
	addr     string
	insecure bool
	tls      struct{ ca, cert, key, name string }
	keyFile  string
}

// Flags adds the flags of a connection.
func (c *Connection) Flags(f *pflag.FlagSet) {
	f.StringVar(&c.addr, "addr", server.DefaultListen, "the server's address, `HOST:PORT` or unix:PATH")
	f.BoolVar(&c.insecure, "insecure", false, "connect beyond this machine without TLS")
	f.StringVar(&c.tls.ca, "tls-ca", "", "PEM `FILE` of the authorities that the server's certificate must be signed by (default: the system's)")
	f.StringVar(&c.tls.cert, "tls-cert", "", "PEM `FILE` of the client's own certificate")
	f.StringVar(&c.tls.key, "tls-key", "", "PEM `FILE` of the client's own key")
	f.StringVar(&c.tls.name, "tls-server-name", "", "`NAME` expected in the server's certificate (default: the address's host)")
	f.StringVar(&c.keyFile, "key-file", "", "`FILE` that holds the key to show to a server with keys")
}

// With runs a task with a client and closes it.
func (c *Connection) With(task func(*client.Client) error) (err error) {
	key, err := ReadKey(c.keyFile)
	if err != nil {
		return err
	}
	api, err := client.Dial(c.addr, client.Options{
		Insecure: c.insecure, CAFile: c.tls.ca, CertFile: c.tls.cert, KeyFile: c.tls.key, ServerName: c.tls.name, Key: key,
	})
	if err != nil {
		return &UsageError{err}
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	return task(api)
}

// ClientCommand makes a command that speaks to a server.
func ClientCommand(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, api *client.Client) error) *cobra.Command {
	var c Connection
	c.Flags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.With(func(api *client.Client) error { return run(cmd, args, api) })
	}
	return cmd
}

// ReadKey reads a key from its file, without the white space around it; without
// a file there is none. A key is never an argument, which others could see.
func ReadKey(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", Usage(fmt.Sprintf("--key-file: %s holds no key", path))
	}
	return key, nil
}
