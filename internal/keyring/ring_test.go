package keyring_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/stet-db/stet/internal/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func ring(t *testing.T) *keyring.Ring {
	t.Helper()
	text := fmt.Sprintf(`{"keys": [
		{"name": "reader", "hash": %q, "scopes": ["read"]},
		{"name": "writer", "hash": %q, "scopes": ["write", "read"]},
		{"name": "writer", "hash": %q, "scopes": ["admin"]}]}`, hashOf("r"), hashOf("w"), hashOf("a"))
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := keyring.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAKeyMayDoWhatItsScopesSayAndNothingElse(t *testing.T) {
	r := ring(t)
	for secret, may := range map[string]map[keyring.Scope]bool{
		"r": {keyring.Read: true}, "w": {keyring.Read: true, keyring.Write: true}, "a": {keyring.Admin: true},
	} {
		for _, s := range keyring.Scopes() {
			k, err := r.Allow([]string{"Bearer " + secret}, s)
			if (err == nil) != may[s] {
				t.Errorf("key %s, scope %s: %v", secret, s, err)
			}
			if refused := (*keyring.ScopeError)(nil); err != nil && (!errors.As(err, &refused) || refused.Need != s || refused.Key != k.Name) {
				t.Errorf("key %s, scope %s: %v", secret, s, err)
			}
		}
	}
}

func TestWhatIsNoKeyIsRefused(t *testing.T) {
	r := ring(t)
	for _, c := range []struct {
		headers []string
		want    error
	}{
		{nil, keyring.ErrNoKey},
		{[]string{""}, keyring.ErrNoKey},
		{[]string{"Bearer"}, keyring.ErrNoKey},
		{[]string{"Bearer "}, keyring.ErrNoKey},
		{[]string{"Basic r"}, keyring.ErrNoKey},
		{[]string{"r"}, keyring.ErrNoKey},
		{[]string{"Bearer r", "Bearer r"}, keyring.ErrNoKey},
		{[]string{"Bearer R"}, keyring.ErrUnknownKey},
		{[]string{"Bearer " + hashOf("r")}, keyring.ErrUnknownKey},
		{[]string{"bearer r"}, nil},
		{[]string{"BEARER  r"}, nil},
	} {
		if _, err := r.Check(c.headers); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.headers, err, c.want)
		}
	}
}

func TestWithoutKeysEverybodyMayAllAndHasNoName(t *testing.T) {
	var r *keyring.Ring
	k, err := r.Allow([]string{"Bearer whatever", "and more"}, keyring.Admin)
	if err != nil || k.Name != "" || !r.Open() || r.Len() != 0 {
		t.Errorf("key %+v, %v", k, err)
	}
	ctx := keyring.With(context.Background(), k)
	if keyring.Name(ctx) != "" {
		t.Error("an open ring names somebody")
	}
}

func TestTheNameOfAKeyGoesWithTheCall(t *testing.T) {
	k, err := ring(t).Check([]string{"Bearer w"})
	if err != nil {
		t.Fatal(err)
	}
	if got := keyring.Name(keyring.With(context.Background(), k)); got != "writer" {
		t.Errorf("name %q", got)
	}
}

func TestEveryFaultOfAFileIsNamedAndNoHash(t *testing.T) {
	good := hashOf("x")
	for _, c := range []struct {
		text string
		want []string
	}{
		{``, []string{"not JSON"}},
		{`[]`, []string{`"keys"`}},
		{`{"keys": 1}`, []string{"list"}},
		{`{"keys": []}`, []string{"keys are 0; want 1 to 1000"}},
		{`{"keys": [], "more": 1}`, []string{`the one member "keys"`}},
		{`{"keys": [], "keys": []}`, []string{"not JSON"}},
		{`{"keys": [{}]}`, []string{"keys[0].name", "keys[0].hash", "keys[0].scopes"}},
		{`{"keys": [{"name": "a b", "hash": "md5:00", "scopes": ["all"]}]}`, []string{"keys[0].name", "keys[0].hash", "keys[0].scopes"}},
		{`{"keys": [{"Name": "a", "hash": "` + good + `", "scopes": ["read"]}]}`, []string{"none of name, hash", "keys[0].name"}},
		{`{"keys": [{"name": "a", "hash": "` + good + `", "scopes": ["read"]}, {"name": "b", "hash": "` + good + `", "scopes": ["admin"]}]}`, []string{"keys[1].hash is that of keys[0]"}},
	} {
		_, err := keyring.Parse([]byte(c.text))
		if fault := (*keyring.FileError)(nil); !errors.As(err, &fault) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.text, err, want)
			}
		}
		if strings.Contains(err.Error(), good) {
			t.Errorf("the error shows a hash: %v", err)
		}
	}
}
