package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnlyNamesOfThisMachineForItselfAreLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "127.0.0.1": true, "127.9.9.9:7840": true, "[::1]": true, "[::1]:80": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "127.0.0.1.example:80": false, "10.0.0.1": false, "[::2]:80": false, "0.0.0.0": false,
	} {
		if got := IsLoopbackName(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestOnlyPagesOfAllowedSitesAreLetIn(t *testing.T) {
	const site, other = "https://a.example", "https://b.example"
	for _, c := range []struct {
		name           string
		allowed        Origins
		origin         string
		method, wanted string // wanted: what the browser asks for beforehand
		allow, vary    string
		answered       bool
	}{
		{"nobody is allowed", nil, site, http.MethodGet, "", "", "", false},
		{"an allowed site", Origins{other, site}, site, http.MethodGet, "", site, "Origin", false},
		{"another site", Origins{site}, other, http.MethodGet, "", "", "Origin", false},
		{"no page at all", Origins{"*"}, "", http.MethodGet, "", "", "Origin", false},
		{"every site", Origins{"*"}, other, http.MethodPost, "", "*", "Origin", false},
		{"asked beforehand", Origins{site}, site, http.MethodOptions, http.MethodPost, site, "Origin", true},
		{"another site asks beforehand", Origins{site}, other, http.MethodOptions, http.MethodPost, "", "Origin", false},
		{"no question of a browser", Origins{site}, site, http.MethodOptions, "", site, "Origin", false},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(c.method, "/", http.NoBody)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.wanted != "" {
			r.Header.Set("Access-Control-Request-Method", c.wanted)
		}
		answered := c.allowed.Answer(w, r)
		h := w.Header()
		if answered != c.answered || h.Get("Access-Control-Allow-Origin") != c.allow || h.Get("Vary") != c.vary {
			t.Errorf("%s: answered %v, headers %v", c.name, answered, h)
		}
		if methods := h.Get("Access-Control-Allow-Methods"); answered != (methods != "") || answered && w.Code != http.StatusNoContent {
			t.Errorf("%s: status %d, methods %q", c.name, w.Code, methods)
		}
	}
}
