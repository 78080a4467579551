package importing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Source is the bytes to import, unpacked.
type Source struct {
	reader io.Reader
	close  func() error
	size   int64
	taken  atomic.Int64
	// info is of the file that is read; nil: it is none.
	info fs.FileInfo
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxZstdWindow bounds the memory that a compressed source can demand.
const maxZstdWindow = 128 << 20

// Open opens a file, or takes stdin when the path is "-", and unpacks gzip and
// zstd, known by their first bytes.
func Open(path string, stdin io.Reader) (*Source, error) {
	s := &Source{close: func() error { return nil }}
	packed := stdin
	if file, ok := stdin.(*os.File); ok && path == "-" {
		s.info, _ = file.Stat() // where it cannot be told, it is no file
	}
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open the source: %w", err)
		}
		info, err := file.Stat()
		if err == nil && info.IsDir() {
			err = &fs.PathError{Op: "read", Path: path, Err: errors.New("is a directory")}
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the source: %w", err), file.Close())
		}
		packed, s.close, s.size, s.info = file, file.Close, info.Size(), info
	}
	if err := s.unpack(packed); err != nil {
		return nil, errors.Join(fmt.Errorf("open the source: %w", err), s.Close())
	}
	return s, nil
}

func (s *Source) unpack(packed io.Reader) error {
	counted := bufio.NewReaderSize(countingReader{packed, &s.taken}, 64<<10)
	start, err := counted.Peek(len(zstdMagic))
	if err != nil && err != io.EOF { //nolint:errorlint // bufio passes io.EOF on as it is
		return err
	}
	switch {
	case bytes.HasPrefix(start, gzipMagic):
		s.reader, err = gzip.NewReader(counted)
		return err
	case bytes.HasPrefix(start, zstdMagic):
		z, err := zstd.NewReader(counted, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return err
		}
		closeFile := s.close
		s.reader, s.close = z, func() error { z.Close(); return closeFile() }
		return nil
	default:
		s.reader = counted
		return nil
	}
}

// Read reads unpacked bytes.
func (s *Source) Read(p []byte) (int, error) { return s.reader.Read(p) }

// Taken is how many packed bytes were read, Size how many there are; 0 when
// that is not known.
func (s *Source) Taken() int64 { return s.taken.Load() }

// Is tells whether the source is this very file.
func (s *Source) Is(other fs.FileInfo) bool {
	return s.info != nil && s.info.Mode().IsRegular() && os.SameFile(s.info, other)
}

// Size is the number of packed bytes; 0: unknown.
func (s *Source) Size() int64 { return s.size }

// Close releases the source.
func (s *Source) Close() error { return s.close() }

type countingReader struct {
	next  io.Reader
	count *atomic.Int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.next.Read(p)
	c.count.Add(int64(n))
	return n, err
}
