package spec

import (
	"fmt"
	"strings"
)

// maxID is the length of the longest id in bytes.
const maxID = 256

// idBytes are what an id is made of.
var idBytes = func() (set [256]bool) {
	for b := range 256 {
		c := byte(b)
		set[b] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.IndexByte("._~:@+=-|", c) >= 0
	}
	return set
}()

// CheckID tells whether a new event may be written to the aggregate with this
// id, and the id as it is stored. The problem is empty when it may. Reading
// asks for no check: what was stored under another rule stays readable.
func (t *Type) CheckID(id string) (stored, problem string) {
	if t.uuid {
		stored = strings.ToLower(id)
		if !isUUID(stored) {
			return "", "is no UUID: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 are wanted"
		}
		return stored, ""
	}
	switch {
	case id == "":
		return "", "is empty"
	case len(id) > maxID:
		return "", fmt.Sprintf("has %d bytes, at most %d are allowed", len(id), maxID)
	case id == "." || id == "..":
		return "", fmt.Sprintf("%q means something else in a path", id)
	}
	for i := range len(id) {
		if !idBytes[id[i]] {
			return "", fmt.Sprintf("has %q at byte %d; letters, digits and . _ ~ : @ + = - | are allowed", id[i:i+1], i)
		}
	}
	return id, ""
}

// isUUID takes lower case only, and any version and variant.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
