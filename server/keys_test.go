package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stet-db/stet/internal/keyring"
)

// ringOf has a key for each scope, which is also its name and its secret.
func ringOf(t *testing.T) *keyring.Ring {
	t.Helper()
	type key struct {
		Name   string   `json:"name"`
		Hash   string   `json:"hash"`
		Scopes []string `json:"scopes"`
	}
	var keys []key
	for _, s := range keyring.Scopes() {
		sum := sha256.Sum256([]byte(s))
		keys = append(keys, key{string(s), "sha256:" + hex.EncodeToString(sum[:]), []string{string(s)}})
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
