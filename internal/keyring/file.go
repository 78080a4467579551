package keyring

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/stet-db/stet/internal/strictjson"
)

// Bounds of a file of keys.
const (
	maxKeys      = 1000
	maxNameBytes = 64
	maxFileBytes = 1 << 20
	fileDepth    = 4
)

// FileError lists all that is wrong with a file of keys. No text of the file
// but names is in it, so that no secret gets into a log.
type FileError struct{ Problems []string }

func (e *FileError) Error() string { return "keys: " + strings.Join(e.Problems, "; ") }

// Load reads a file of keys.
func Load(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if info.Size() > maxFileBytes {
		return nil, &FileError{[]string{fmt.Sprintf("%s has %d bytes; at most %d are read", path, info.Size(), maxFileBytes)}}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return Parse(text)
}

// Parse reads
//
//	{"keys": [{"name": "web", "hash": "sha256:64 hexadecimal digits", "scopes": ["read", "write"]}]}
//
// strictly, and names all faults at once, in a [*FileError]. At least one key
// must be there: a file without keys would be taken for one that guards.
func Parse(text []byte) (*Ring, error) {
	if err := strictjson.Check(text, fileDepth); err != nil {
		return nil, &FileError{[]string{"not JSON: " + err.Error()}}
	}
	var keys []map[string]json.RawMessage
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || len(members) != 1 || members["keys"] == nil {
		return nil, &FileError{[]string{`want one object with the one member "keys"`}}
	}
	if err := json.Unmarshal(members["keys"], &keys); err != nil {
		return nil, &FileError{[]string{`want a list of objects as "keys"`}}
	}
	p := parser{ring: &Ring{}}
	if n := len(keys); n == 0 || n > maxKeys {
		p.fault("keys", fmt.Sprintf("are %d; want 1 to %d", n, maxKeys))
		return nil, &FileError{p.problems}
	}
	for i, members := range keys {
		p.key(fmt.Sprintf("keys[%d]", i), members)
	}
	p.distinct()
	if len(p.problems) > 0 {
		return nil, &FileError{p.problems}
	}
	return p.ring, nil
}

type parser struct {
	ring     *Ring
	problems []string
}

func (p *parser) fault(path, problem string) { p.problems = append(p.problems, path+" "+problem) }

func (p *parser) key(path string, members map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains([]string{"name", "hash", "scopes"}, name) {
			p.fault(path, "has a member that is none of name, hash and scopes")
		}
	}
	k := Key{scopes: map[Scope]bool{}}
	if json.Unmarshal(members["name"], &k.Name) != nil || !isName(k.Name) {
		p.fault(path+".name", fmt.Sprintf("must be 1 to %d of the characters a-z, A-Z, 0-9, . _ -", maxNameBytes))
	}
	var hash string
	if json.Unmarshal(members["hash"], &hash) != nil || k.setHash(hash) != nil {
		p.fault(path+".hash", "must be sha256: and 64 hexadecimal digits")
	}
	var scopes []Scope
	if json.Unmarshal(members["scopes"], &scopes) != nil || len(scopes) == 0 {
		p.fault(path+".scopes", fmt.Sprintf("must be a list of at least one of %q", Scopes()))
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			p.fault(path+".scopes", fmt.Sprintf("has one that is none of %q", Scopes()))
		}
		k.scopes[s] = true
	}
	p.ring.keys = append(p.ring.keys, k)
}

var errHash = errors.New("not a hash")

func (k *Key) setHash(text string) error {
	digits, ok := strings.CutPrefix(text, "sha256:")
	if !ok || len(digits) != 2*sha256.Size {
		return errHash
	}
	_, err := hex.Decode(k.hash[:], []byte(digits))
	return err
}

func isName(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return name != "" && len(name) <= maxNameBytes && strings.Trim(name, allowed) == ""
}

// distinct refuses a key that is there twice, since it would not be clear what
// it may do. A name may be there twice, so that a key can be changed without a
// gap.
func (p *parser) distinct() {
	hashes := map[[sha256.Size]byte]int{}
	for i := range p.ring.keys {
		if before, ok := hashes[p.ring.keys[i].hash]; ok {
			p.fault(fmt.Sprintf("keys[%d].hash", i), fmt.Sprintf("is that of keys[%d]", before))
		}
		hashes[p.ring.keys[i].hash] = i
	}
}
