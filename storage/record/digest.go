package record

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/stet-db/stet/storage"
)

// digestForm is the first byte that is hashed. Digests are stored with request
// ids, so another form needs another number.
const digestForm = 1

// How an expectation is hashed.
const (
	digestNothing byte = iota
	digestAny
	digestExists
	digestVersion
)

// ContentDigest is the first 16 bytes of the SHA-256 of what a request asks
// for: expectations and events, without ids that the server made. Two requests
// have the same digest just when a retry of one is the other. What is hashed,
// numbers in 8 bytes, big endian:
//
//	01                          the form
//	number of entries, and for each
//	  length, stream
//	  expectation: 1 byte (1 any, 2 exists, 3 version), number (the version, or 0)
//	  number of events, and for each
//	    1 byte: 1 when the client gave the id, else 0
//	    16 bytes of id; zero when the client gave none
//	    number: schema version
//	    length, the canonical fields from 11 on
func ContentDigest(entries []storage.Entry) [16]byte {
	d := digester{hash: sha256.New(), buffer: make([]byte, 0, 64)}
	d.buffer = append(d.buffer, digestForm)
	d.number(uint64(len(entries)))
	for i := range entries {
		d.entry(&entries[i])
	}
	d.flush()
	return [16]byte(d.hash.Sum(d.buffer))
}

// digester gathers the small parts before they are hashed.
type digester struct {
	hash   hash.Hash
	buffer []byte
}

func (d *digester) entry(e *storage.Entry) {
	d.bytes([]byte(e.Stream))
	kind := digestNothing
	version, exact := e.Expectation.Exact()
	switch {
	case exact:
		kind = digestVersion
	case e.Expectation.IsAny():
		kind = digestAny
	case e.Expectation.IsExists():
		kind = digestExists
	}
	d.buffer = append(d.buffer, kind)
	d.number(uint64(version))
	d.number(uint64(len(e.Events)))
	for i := range e.Events {
		d.event(&e.Events[i])
	}
}

func (d *digester) event(e *storage.NewEvent) {
	id, given := e.ID, byte(1)
	if e.ServerMadeID {
		id, given = storage.EventID{}, 0
	}
	d.buffer = append(d.buffer, given)
	d.buffer = append(d.buffer, id[:]...)
	d.number(uint64(e.SchemaVersion))
	d.bytes(e.Rest)
}

func (d *digester) number(n uint64) { d.buffer = binary.BigEndian.AppendUint64(d.buffer, n) }

func (d *digester) bytes(b []byte) {
	d.number(uint64(len(b)))
	d.flush()
	d.hash.Write(b) // never fails, by the contract of hash.Hash
}

func (d *digester) flush() {
	d.hash.Write(d.buffer) // never fails, by the contract of hash.Hash
	d.buffer = d.buffer[:0]
}
