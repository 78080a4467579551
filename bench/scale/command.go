package scale

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Run is the command: it measures as the arguments say, tells notices what it
// does, and writes the results. An interrupted run leaves neither server nor
// data behind, and writes nothing.
func Run(ctx context.Context, args []string, notices *os.File) error {
	s, err := parse(args, notices)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	report, err := measure(ctx, s, newTeller(notices))
	if ctx.Err() != nil {
		return errors.Join(errors.New("interrupted: nothing was written"), other(err))
	}
	if err != nil {
		return err
	}
	if err := report.write(s.out); err != nil {
		return err
	}
	return report.tell(notices)
}

// other leaves out of an error that its context has ended.
func other(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// tell says the end of it.
func (r *Report) tell(out io.Writer) error {
	_, err := fmt.Fprint(out, "\n"+r.verdict())
	return err
}
