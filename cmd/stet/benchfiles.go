package main

import (
	"errors"
	"fmt"
	"os"
)

// checkFiles names the files that could not be written at the end, before
// minutes are spent on what belongs there.
func (o *benchOptions) checkFiles() error {
	var faults []error
	for _, f := range []struct{ flag, path string }{
		{"--svg", o.svg}, {"--cpuprofile", o.job.ServerProfile}, {"--client-cpuprofile", o.job.ClientProfile},
	} {
		if f.path == "" {
			continue
		}
		if err := writable(f.path); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", f.flag, err))
		}
	}
	return errors.Join(faults...)
}

// writable leaves what is there as it is, and nothing where nothing was.
func writable(path string) error {
	found, err := os.Stat(path)
	if err == nil && !found.Mode().IsRegular() && !found.IsDir() {
		return nil // opening a pipe would wait for its reader
	}
	missing := errors.Is(err, os.ErrNotExist)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = file.Close()
	if missing {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
