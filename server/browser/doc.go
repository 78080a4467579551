// Package browser guards listeners of HTTP against pages of other sites, which a
// browser on this machine may have open: by the name that a request was made to,
// and by the site that a page is from. It knows net/http only.
package browser
