package browser

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// IsLoopbackName tells whether a Host header, with or without a port, names this
// machine as only it names itself.
func IsLoopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// What pages of other sites may send and read.
const (
	corsMethods = "GET, POST"
	corsHeaders = "Authorization, Content-Type, X-Idempotency-Key, X-Request-Id, Last-Event-ID"
	corsExposed = "Stet-Warnings, Idempotent-Replayed, X-Request-Id, Retry-After"
	corsMaxAge  = "600"
)

// Origins are the sites whose pages may read answers; "*" is every site.
type Origins []string

// Answer lets the pages of allowed sites in, and answers their browsers'
// question beforehand, which carries no key. It tells whether that was all: then
// the answer, [http.StatusNoContent], is written.
func (o Origins) Answer(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(o) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	every := slices.Contains(o, "*")
	if origin == "" || !every && !slices.Contains(o, origin) {
		return false
	}
	if every {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsExposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}
