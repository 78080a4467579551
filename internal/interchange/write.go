package interchange

import (
	"encoding/base64"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/stet-db/stet/storage"
)

// recordedLayout has exactly the microseconds that a recorded time has.
const recordedLayout = "2006-01-02T15:04:05.000000Z"

// occurredLayout has as many digits as the time needs, at most nine.
const occurredLayout = "2006-01-02T15:04:05.999999999Z"

// AppendEvent appends the event's line, without a newline, to dst. The
// server's fields are left out when the event has no position, the optional
// ones when they are empty.
func AppendEvent(dst []byte, e *storage.Event) []byte {
	dst = append(dst, `{"stream":`...)
	dst = AppendString(dst, e.Stream)
	if e.Position > 0 {
		dst = append(dst, `,"version":`...)
		dst = strconv.AppendUint(dst, uint64(e.Version), 10)
		dst = append(dst, `,"position":`...)
		dst = strconv.AppendUint(dst, uint64(e.Position), 10)
		dst = append(dst, `,"recorded_at":"`...)
		dst = e.RecordedAt.Time().AppendFormat(dst, recordedLayout)
		dst = append(dst, '"')
	}
	if !e.ID.IsZero() {
		dst = append(dst, `,"id":"`...)
		dst = append(e.ID.AppendText(dst), '"')
	}
	dst = append(dst, `,"type":`...)
	dst = AppendString(dst, e.Type)
	if !e.OccurredAt.IsZero() {
		dst = append(dst, `,"occurred_at":"`...)
		dst = e.OccurredAt.UTC().AppendFormat(dst, occurredLayout)
		dst = append(dst, '"')
	}
	if e.SchemaVersion > 0 {
		dst = append(dst, `,"schema_version":`...)
		dst = strconv.AppendUint(dst, uint64(e.SchemaVersion), 10)
	}
	dst = appendMetadata(dst, e.Metadata)
	dst = appendTags(dst, e.Tags)
	return append(appendPayload(dst, e.Kind, e.Payload), '}')
}

// appendMetadata sorts by key, so that equal events have equal lines.
func appendMetadata(dst []byte, metadata map[string]string) []byte {
	if len(metadata) == 0 {
		return dst
	}
	keys := make([]string, 0, len(metadata))
	for k := range metadata {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, `,"metadata":{`...)
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, k), ':')
		dst = AppendString(dst, metadata[k])
	}
	return append(dst, '}')
}

func appendTags(dst []byte, tags []string) []byte {
	if len(tags) == 0 {
		return dst
	}
	dst = append(dst, `,"tags":[`...)
	for i, tag := range tags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, tag)
	}
	return append(dst, ']')
}

func appendPayload(dst []byte, kind storage.PayloadKind, payload []byte) []byte {
	switch {
	case kind == storage.PayloadBinary:
		dst = append(dst, `,"binary":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, payload), '"')
	case kind == storage.PayloadNone:
		return dst
	case IsCompact(payload):
		return append(append(dst, `,"json":`...), payload...)
	default:
		return AppendString(append(dst, `,"json_text":`...), string(payload))
	}
}

// IsCompact tells whether a JSON text has no blanks between its parts. Such a
// text survives being a part of a line.
func IsCompact(json []byte) bool {
	inString := false
	for i := 0; i < len(json); i++ {
		switch c := json[i]; {
		case c == '"':
			inString = !inString
		case c == '\\' && inString:
			i++
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			if !inString {
				return false
			}
		}
	}
	return len(json) > 0
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string with the fewest escapes: the quote,
// the backslash and control characters. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		i++
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i-1]...)
		from = i
		dst = appendEscape(dst, c)
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}
