package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stet-db/stet/internal/keyring"
)

// Route is one line of the table of routes.
type Route struct {
	// Method and Pattern as in "GET", "/{type}/{id}/events".
	Method, Pattern string
	// Scope is what a key must have.
	Scope keyring.Scope
	// Parameters of the query.
	Parameters []string
}

// Routes are all routes, but for the aliases of the specification, which are
// POST and need the scope write.
func Routes() []Route {
	out := make([]Route, len(table))
	for i, r := range table {
		out[i] = Route{r.method, r.pattern, r.scope, slices.Concat(r.once, r.often)}
	}
	return out
}

// route is a line of the table.
type route struct {
	method, pattern string
	scope           keyring.Scope
	// once are the parameters that may be given once, often those that may be
	// given several times.
	once, often []string
	handle      func(*call) error
	// stream lasts as long as the client likes.
	stream bool

	parts []string
}

// table has the routes, literal parts before variable ones.
var table = split([]*route{
	{method: http.MethodGet, pattern: "/_/spec", scope: keyring.Read, once: []string{"version"}, handle: (*call).spec},
	{method: http.MethodPost, pattern: "/_/spec", scope: keyring.Admin, once: []string{"dry_run", "force", "previous_length"}, handle: (*call).putSpec},
	{method: http.MethodGet, pattern: "/_/spec/versions", scope: keyring.Read, once: []string{"after", "limit"}, handle: (*call).specVersions},
	{method: http.MethodGet, pattern: "/_/spec/diff", scope: keyring.Read, once: []string{"from", "to"}, handle: (*call).specDiff},
	{method: http.MethodPost, pattern: "/_/test", scope: keyring.Admin, handle: (*call).test},
	{method: http.MethodGet, pattern: "/_/stream", scope: keyring.Read, once: []string{"after", "detail"}, often: []string{"type", "event", "tag", "correlation_id"}, handle: (*call).followAll, stream: true},
	{method: http.MethodGet, pattern: "/{type}", scope: keyring.Read, once: []string{"after", "limit", "at_time", "where", "detail"}, handle: (*call).list},
	{method: http.MethodGet, pattern: "/{type}/{id}", scope: keyring.Read, once: []string{"at_length", "at_time", "effective_at", "min_position", "wait", "replay", "detail"}, handle: (*call).state},
	{method: http.MethodPost, pattern: "/{type}/{id}", scope: keyring.Write, once: []string{"state"}, handle: (*call).postBatch},
	{method: http.MethodGet, pattern: "/{type}/{id}/length", scope: keyring.Read, handle: (*call).length},
	{method: http.MethodGet, pattern: "/{type}/{id}/events", scope: keyring.Read, once: []string{"after", "limit", "from_time", "until_time", "reverse", "upcast", "detail"}, often: []string{"type"}, handle: (*call).events},
	{method: http.MethodGet, pattern: "/{type}/{id}/diff", scope: keyring.Read, once: []string{"from_length", "from_time", "to_length", "to_time", "limit", "detail"}, handle: (*call).diff},
	{method: http.MethodGet, pattern: "/{type}/{id}/trace", scope: keyring.Read, once: []string{"at_length", "at_time", "after", "limit", "detail"}, handle: (*call).trace},
	{method: http.MethodGet, pattern: "/{type}/{id}/stream", scope: keyring.Read, once: []string{"after", "detail"}, handle: (*call).followOne, stream: true},
	{method: http.MethodPost, pattern: "/{type}/{id}/{event}", scope: keyring.Write, once: []string{"state"}, handle: (*call).postEvent},
})

func split(table []*route) []*route {
	for _, r := range table {
		r.parts = strings.Split(r.pattern[1:], "/")
	}
	return table
}

// aliased is the route of all aliases.
var aliased = &route{method: http.MethodPost, pattern: "alias", scope: keyring.Write, once: []string{"state"}, handle: (*call).postAlias}

// wrongMethod: the path is there, and not for this method.
func wrongMethod(method string, allow ...string) error {
	return &failure{status: http.StatusMethodNotAllowed, code: CodeMethod, allow: allow, problem: fmt.Sprintf(
		"%.64q is not possible here; use %s", method, strings.Join(allow, " or "))}
}

func noPath(path string) error {
	return &failure{status: http.StatusNotFound, code: CodeUnknownPath, problem: fmt.Sprintf(
		"there is nothing at %.256q; paths are as in /cart/42, /cart/42/events and /_/spec, without a slash at the end", path)}
}

// splitPath gives the parts of a path, each decoded by itself, so that an id may
// have an encoded slash.
func splitPath(u *url.URL) ([]string, error) {
	escaped := u.EscapedPath()
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil, noPath(escaped)
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil || decoded == "" {
			return nil, noPath(escaped)
		}
		parts[i] = decoded
	}
	return parts, nil
}

// route finds the line of the table for a call. Aliases come first.
func (a *API) route(c *call) error {
	parts, err := splitPath(c.r.URL)
	if err != nil {
		return err
	}
	method := c.r.Method
	if c.findAlias(parts) {
		if method != http.MethodPost {
			return wrongMethod(method, http.MethodPost)
		}
		c.rt, c.label = aliased, aliased.pattern
		return nil
	}
	var allow []string
	for _, r := range table {
		if !r.matches(parts) {
			continue
		}
		if r.method == method || method == http.MethodHead && r.method == http.MethodGet && !r.stream {
			c.rt, c.label = r, r.pattern
			c.take(parts)
			return nil
		}
		allow = append(allow, r.method)
	}
	if allow == nil {
		return noPath(c.r.URL.EscapedPath())
	}
	return wrongMethod(method, slices.Compact(slices.Sorted(slices.Values(allow)))...)
}

func (r *route) matches(parts []string) bool {
	if len(parts) != len(r.parts) {
		return false
	}
	for i, want := range r.parts {
		variable := want[0] == '{'
		if variable && i == 0 && strings.HasPrefix(parts[0], "_") {
			return false // kept for the server
		}
		if !variable && want != parts[i] {
			return false
		}
	}
	return true
}

// take keeps the variable parts of the path.
func (c *call) take(parts []string) {
	for i, name := range c.rt.parts {
		switch name {
		case "{type}":
			c.typ = parts[i]
		case "{id}":
			c.id = parts[i]
		case "{event}":
			c.event = parts[i]
		}
	}
}
