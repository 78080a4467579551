package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// withStore runs what an example shows against a real server of its own, whose
// stream lamp-1 has two events.
func withStore(show func(ctx context.Context, store *client.Client) error) {
	if err := showWithStore(show); err != nil {
		fmt.Fprintln(os.Stdout, "error:", err)
	}
}

func showWithStore(show func(ctx context.Context, store *client.Client) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "stet-client-example-")
	if err != nil {
		return err
	}
	var faults complaints
	s := serve(&faults, dir)
	defer func() {
		s.stop()
		err = errors.Join(append(faults, err, os.RemoveAll(dir))...)
	}()
	store, err := client.Dial(s.addr, client.Options{})
	if err != nil {
		return err
	}
	_, err = store.Append(ctx, client.Append{
		Stream: "lamp-1", Expect: client.NoStream(),
		Events: []client.Event{{Type: "Lit", JSON: `{}`}, {Type: "Dimmed", JSON: `{"to":30}`}},
	})
	if err == nil {
		err = show(ctx, store)
	}
	return errors.Join(err, store.Close())
}

// complaints stand in for a test where there is none.
type complaints []error

func (c *complaints) Helper() {}

func (c *complaints) Errorf(format string, args ...any) { *c = append(*c, fmt.Errorf(format, args...)) }

func (c *complaints) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }
