package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// checkHost refuses a name that is not this machine's for itself, while no keys
// guard it.
func (a *API) checkHost(host string) error {
	if a.o.LoopbackNamesOnly && !IsLoopbackName(host) {
		return &failure{status: http.StatusForbidden, code: CodeHostNotAllowed, problem: fmt.Sprintf(
			"the Host header is %.256q; without keys only localhost and loopback addresses are served", host)}
	}
	return nil
}

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

// cors lets the pages of allowed sites in, and answers their browsers' question
// beforehand, which carries no key. It tells whether that was all.
func (a *API) cors(c *call) (answered bool) {
	if len(a.o.Origins) == 0 {
		return false
	}
	h := c.w.Header()
	h.Add("Vary", "Origin")
	origin := c.r.Header.Get("Origin")
	every := slices.Contains(a.o.Origins, "*")
	if origin == "" || !every && !slices.Contains(a.o.Origins, origin) {
		return false
	}
	if every {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", corsExposed)
	if c.r.Method != http.MethodOptions || c.r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	c.code = http.StatusNoContent
	c.w.WriteHeader(c.code)
	return true
}
