package keyring

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
)

// Scope is something that a key may do.
type Scope string

// The scopes.
const (
	// Read: read events and states, follow them, read the specification.
	Read Scope = "read"
	// Write: append events.
	Write Scope = "write"
	// Admin: change and test specifications, and operate the server.
	Admin Scope = "admin"
)

// Scopes are all of them.
func Scopes() []Scope { return []Scope{Read, Write, Admin} }

// Key is what is known of a key. The zero Key is that of a server without keys.
type Key struct {
	// Name is stamped on the events that are written with the key.
	Name string

	scopes map[Scope]bool
	hash   [sha256.Size]byte
}

// May tells whether the key has the scope.
func (k *Key) May(s Scope) bool { return k.scopes[s] }

// Errors of [Ring.Check] and [Ring.Allow].
var (
	// ErrNoKey: no key was shown, or not in the one form that is understood.
	ErrNoKey = errors.New("no key was shown; send the header Authorization: Bearer KEY")
	// ErrUnknownKey: the key is none of the ring's.
	ErrUnknownKey = errors.New("the key is not known")
)

// ScopeError: the key is known and may not do this.
type ScopeError struct {
	// Key is its name.
	Key  string
	Need Scope
}

func (e *ScopeError) Error() string {
	return fmt.Sprintf("the key %q lacks the scope %q", e.Key, e.Need)
}

// Ring is a set of keys. It is immutable; nil is open.
type Ring struct{ keys []Key }

// Open tells that there are no keys, so that nobody needs one.
func (r *Ring) Open() bool { return r == nil }

// Len is the number of keys.
func (r *Ring) Len() int {
	if r == nil {
		return 0
	}
	return len(r.keys)
}

// Check finds the key of a request, of which it takes the values of all its
// Authorization headers. An open ring looks at none of them.
func (r *Ring) Check(authorization []string) (Key, error) {
	if r == nil {
		return Key{}, nil
	}
	if len(authorization) != 1 {
		return Key{}, ErrNoKey
	}
	scheme, secret, ok := strings.Cut(authorization[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return Key{}, ErrNoKey
	}
	hash := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	found := -1
	for i := range r.keys {
		// All are compared, each in constant time.
		if subtle.ConstantTimeCompare(hash[:], r.keys[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Key{}, ErrUnknownKey
	}
	return r.keys[found], nil
}

// Need refuses a key that [Ring.Check] gave and that lacks the scope.
func (r *Ring) Need(k Key, s Scope) error {
	if r == nil || k.May(s) {
		return nil
	}
	return &ScopeError{Key: k.Name, Need: s}
}

// Allow is Check and then Need.
func (r *Ring) Allow(authorization []string, s Scope) (Key, error) {
	k, err := r.Check(authorization)
	if err == nil {
		err = r.Need(k, s)
	}
	return k, err
}

type contextKey struct{}

// With is a context in which a call runs that has shown the key.
func With(ctx context.Context, k Key) context.Context {
	if k.Name == "" {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, k)
}

// Name is the name of the key that the call of the context has shown; empty
// where keys are not used.
func Name(ctx context.Context) string {
	k, _ := ctx.Value(contextKey{}).(Key) // absent: no key
	return k.Name
}

// Need refuses a call whose key lacks the scope. Where keys are not used it
// refuses nothing.
func Need(ctx context.Context, s Scope) error {
	k, used := ctx.Value(contextKey{}).(Key)
	if !used || k.May(s) {
		return nil
	}
	return &ScopeError{Key: k.Name, Need: s}
}
