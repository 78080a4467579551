package importing

import (
	"crypto/sha256"
	"errors"
	"io"
)

// Preview maps and checks the first n events of the job's source and shows
// them, without a server. Faults are treated as in [Job.Run].
func (j *Job) Preview(n int, show func(Record) error) error {
	c := chunker{
		id: newIdentity(j.Name, j.Mapping), name: j.Name, reader: j.Reader, limits: j.Limits,
		sum: sha256.New(), marks: sha256.New(), onFault: j.fault,
	}
	for shown := 0; shown < n; {
		rec, err := c.reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if rec.Header {
			continue
		}
		if rec.Fault == nil {
			rec.Fault = c.check(&rec)
		}
		if rec.Fault != nil {
			err = j.fault(rec)
		} else {
			err = show(rec)
			shown++
		}
		if err != nil {
			return err
		}
	}
	return nil
}
