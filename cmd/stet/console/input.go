package console

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxInput is more than any event may have.
const maxInput = 4 << 20

// ReadFile reads a file whole, which may be a device that never ends.
func ReadFile(path string) (content []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return ReadBounded(path, file)
}

// ReadBounded reads all of a source, which has at most 4 MiB. Errors name it.
func ReadBounded(name string, in io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(content) > maxInput {
		err = Usage(fmt.Sprintf("%s has more than %d bytes, which is more than it may have", name, maxInput))
	}
	return content, err
}
