package interchange

import (
	"fmt"
	"strconv"

	"github.com/stet-db/stet/storage"
)

// FormatVersion is the number in the header's field stet_export. A reader
// refuses any other.
const FormatVersion = 1

// Header is the first line of an export.
type Header struct {
	// History is the identity of the log.
	History storage.HistoryID
	// Head is the position up to which the log was exported, included.
	Head storage.Position
	// Filtered tells that events may be missing between 1 and Head, so that
	// the log cannot be restored from this export.
	Filtered bool
}

// AppendHeader appends the header line, without a newline, to dst.
func AppendHeader(dst []byte, h Header) []byte {
	dst = append(dst, `{"stet_export":`...)
	dst = strconv.AppendInt(dst, FormatVersion, 10)
	dst = append(dst, `,"history_id":"`...)
	dst = append(dst, h.History.String()...)
	dst = append(dst, `","head":`...)
	dst = strconv.AppendUint(dst, uint64(h.Head), 10)
	if h.Filtered {
		dst = append(dst, `,"filtered":true`...)
	}
	return append(dst, '}')
}

// headerFields gathers the fields of a header while its line is walked.
type headerFields struct {
	header  Header
	version uint64
	history bool
	head    bool
}

func (h *headerFields) set(name string, raw []byte) (known bool, err error) {
	switch name {
	case "stet_export":
		h.version, err = number(raw)
		if err == nil && h.version != FormatVersion {
			err = fmt.Errorf("is %d; this release reads %d", h.version, FormatVersion)
		}
	case "history_id":
		var s string
		if s, err = text(raw); err == nil {
			h.header.History, err = storage.ParseHistoryID(s)
		}
		h.history = true
	case "head":
		var n uint64
		n, err = number(raw)
		h.header.Head, h.head = storage.Position(n), true
	case "filtered":
		if h.header.Filtered = string(raw) == "true"; !h.header.Filtered && string(raw) != "false" {
			err = fmt.Errorf("is %s; want true or false", shorten(raw))
		}
	default:
		return false, nil
	}
	return true, err
}

func (h *headerFields) finish() (*Header, error) {
	if !h.history || !h.head {
		return nil, fmt.Errorf("an export's first line needs history_id and head")
	}
	return &h.header, nil
}
