package storage

import (
	"fmt"
	"time"
)

// Limits are the bounds that requests must keep. They are checked, and what a
// judgement needs of them is stamped into the request, before the store sees
// it. The zero value of a field means its default.
type Limits struct {
	// EventBytes bounds one event as stored; default 1 MiB, at most 3 MiB,
	// because standard gRPC clients receive at most 4 MiB a message.
	EventBytes int `json:"event_bytes,omitempty"`
	// RequestBytes bounds one request; default 8 MiB, at most 64 MiB.
	RequestBytes int `json:"request_bytes,omitempty"`
	// RequestEvents bounds the events of one request; default 10,000, at most
	// 100,000.
	RequestEvents int `json:"request_events,omitempty"`
	// RequestEntries bounds the entries of an atomic append; default 1,000, at
	// most 10,000.
	RequestEntries int `json:"request_entries,omitempty"`
	// StreamBytes bounds a stream's name; default and most 512.
	StreamBytes int `json:"stream_bytes,omitempty"`
	// TypeBytes bounds an event's type; default and most 256.
	TypeBytes int `json:"type_bytes,omitempty"`
	// MetadataEntries bounds the metadata of one event; default 64, at most
	// 1,024.
	MetadataEntries int `json:"metadata_entries,omitempty"`
	// MetadataBytes bounds all keys and values of one event; default 64 KiB,
	// at most 1 MiB.
	MetadataBytes int `json:"metadata_bytes,omitempty"`
	// Tags bounds the tags of one event; default 32, at most 256.
	Tags int `json:"tags,omitempty"`
	// TagBytes bounds one tag; default and most 256.
	TagBytes int `json:"tag_bytes,omitempty"`
	// RequestIDBytes bounds a request id; default and most 128.
	RequestIDBytes int `json:"request_id_bytes,omitempty"`
	// RequestWindowSeconds is how long a request id is remembered; default 7
	// days, at most 366 days.
	RequestWindowSeconds int `json:"request_window_seconds,omitempty"`
}

// MetadataKeyBytes bounds one metadata key.
const MetadataKeyBytes = 256

// JSONDepth bounds the nesting of a JSON payload.
const JSONDepth = 64

// limitRule is the default and the ceiling of one limit.
type limitRule struct {
	name              string
	value             *int
	standard, ceiling int
}

func (l *Limits) rules() []limitRule {
	return []limitRule{
		{"event_bytes", &l.EventBytes, 1 << 20, 3 << 20},
		{"request_bytes", &l.RequestBytes, 8 << 20, 64 << 20},
		{"request_events", &l.RequestEvents, 10_000, 100_000},
		{"request_entries", &l.RequestEntries, 1_000, 10_000},
		{"stream_bytes", &l.StreamBytes, 512, 512},
		{"type_bytes", &l.TypeBytes, 256, 256},
		{"metadata_entries", &l.MetadataEntries, 64, 1024},
		{"metadata_bytes", &l.MetadataBytes, 64 << 10, 1 << 20},
		{"tags", &l.Tags, 32, 256},
		{"tag_bytes", &l.TagBytes, 256, 256},
		{"request_id_bytes", &l.RequestIDBytes, 128, 128},
		{"request_window_seconds", &l.RequestWindowSeconds, 7 * 24 * 3600, 366 * 24 * 3600},
	}
}

// WithDefaults fills in the fields that are zero.
func (l Limits) WithDefaults() Limits {
	for _, r := range l.rules() {
		if *r.value == 0 {
			*r.value = r.standard
		}
	}
	return l
}

// Validate names every limit that is out of its range.
func (l Limits) Validate() []Violation {
	var out []Violation
	for _, r := range l.rules() {
		if *r.value < 1 || *r.value > r.ceiling {
			out = append(out, Violation{r.name, fmt.Sprintf("is %d; want 1 to %d", *r.value, r.ceiling)})
		}
	}
	return out
}

// RequestWindow is how long a request id is remembered.
func (l Limits) RequestWindow() time.Duration {
	return time.Duration(l.RequestWindowSeconds) * time.Second
}
