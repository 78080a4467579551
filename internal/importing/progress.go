package importing

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stet-db/stet/storage"
)

// progressVersion is the number of the side file's form.
const progressVersion = 1

// Progress is what a side file says about one import: what was acknowledged.
type Progress struct {
	Version int `json:"stet_import"`
	// Source is the source's name; Mapping stands for all that decides what is
	// made of it.
	Source  string `json:"source"`
	Mapping string `json:"mapping"`
	// History is the log that the events are in.
	History string `json:"history_id"`
	// Chunk is the number of the last acknowledged chunk, Line its last line,
	// Byte how much of the packed source was read by then, at least.
	Chunk int   `json:"chunk"`
	Line  int64 `json:"line"`
	Byte  int64 `json:"byte"`
	// Events and Bad count the records up to there.
	Events int64 `json:"events"`
	Bad    int64 `json:"bad"`
	// Sum is the SHA-256 over all records up to there, Marks four bytes for
	// each chunk.
	Sum   string `json:"sum"`
	Marks string `json:"marks"`
	// Complete tells that the source ended there.
	Complete bool `json:"complete"`
	// UpdatedAt is when this was written.
	UpdatedAt time.Time `json:"updated_at"`

	marks []byte
}

// loadProgress reads a side file; nil when there is none.
func loadProgress(path string) (*Progress, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the side file: %w", err)
	}
	var p Progress
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&p)
	if err == nil && p.Version != progressVersion {
		err = fmt.Errorf("has form %d; this release knows %d", p.Version, progressVersion)
	}
	if err == nil {
		p.marks, err = base64.StdEncoding.DecodeString(p.Marks)
	}
	if err == nil && (p.Chunk < 0 || len(p.marks) != p.Chunk*markBytes) {
		err = errors.New("its parts do not fit together")
	}
	if err != nil {
		return nil, fmt.Errorf("the side file %s cannot be used: %w; restore it, or remove it if the events are not in the store yet", path, err)
	}
	return &p, nil
}

// save replaces the side file: after a crash the old or the new one is there,
// whole.
func (p *Progress) save(path string) (err error) {
	p.Marks = base64.StdEncoding.EncodeToString(p.marks)
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("write the side file: %w", err)
	}
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write the side file: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the side file: %w", errors.Join(err, os.Remove(file.Name())))
		}
	}()
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write the side file: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// advance notes an acknowledged chunk.
func (p *Progress) advance(c *Chunk, bytes int64, now time.Time) {
	p.Chunk, p.Byte = c.Number, bytes
	if c.Last > 0 {
		p.Line = c.Last
	}
	p.Events += c.Events
	p.Bad += c.Bad
	p.Sum = hex.EncodeToString(c.sum[:])
	p.marks = append(p.marks, c.mark[:]...)
	p.Complete = c.complete
	p.UpdatedAt = now.UTC()
}

// matches tells whether a chunk is the one that was acknowledged.
func (p *Progress) matches(c *Chunk) bool {
	mark := p.marks[(c.Number-1)*markBytes:][:markBytes]
	last := c.Number == p.Chunk
	if !bytes.Equal(mark, c.mark[:]) || c.complete != (last && p.Complete) {
		return false
	}
	return !last || hex.EncodeToString(c.sum[:]) == p.Sum
}

// fits tells why the side file is not of this import; nil: it is.
func (p *Progress) fits(path, name, mapping string, history storage.HistoryID) error {
	switch {
	case p.Source != name:
		return fmt.Errorf("the side file %s is of the source %q, not %q: give another --progress file", path, p.Source, name)
	case p.Mapping != mapping:
		return fmt.Errorf("%q was imported with another mapping or format, as %s says: use that one, or give another --name and --progress to import the source again", name, path)
	case p.History != history.String():
		return fmt.Errorf("%q was imported into the log with history %s, as %s says, and this server's is %v: use that server, or remove the side file if this log does not have the events", name, p.History, path, history)
	}
	return nil
}
