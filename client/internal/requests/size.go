package requests

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// Size is how many bytes [Encode] makes of a message. False: the message is of
// another type or has something odd in it, and is the general encoder's.
func Size(message any) (size int, ok bool) {
	switch m := message.(type) {
	case *stetv1.AppendRequest:
		return sizeOfAppend(m)
	case *stetv1.AppendPipelineRequest:
		if m == nil || hasUnknown(m) {
			return 0, false
		}
		size, ok = 0, true
		if m.Append != nil {
			size, ok = sizeOfAppend(m.Append)
			size = tagSize + protowire.SizeBytes(size)
		}
		if m.Ticket != 0 {
			size += tagSize + protowire.SizeVarint(m.Ticket)
		}
		if m.HaltOnError {
			size += tagSize + 1
		}
		return size, ok
	default:
		return 0, false
	}
}

// tagSize is that of fields up to 15, largeTagSize that of those from 16 on.
const (
	tagSize      = 1
	largeTagSize = 2
)

func sizeOfAppend(m *stetv1.AppendRequest) (size int, ok bool) {
	if m == nil || hasUnknown(m) {
		return 0, false
	}
	if m.Expectation != nil {
		inner, ok := sizeOfExpectation(m.Expectation)
		if !ok {
			return 0, false
		}
		size = tagSize + protowire.SizeBytes(inner)
	}
	for _, e := range m.Events {
		inner, ok := sizeOfEvent(e)
		if !ok {
			return 0, false
		}
		size += tagSize + protowire.SizeBytes(inner)
	}
	return size + sizeOfText(m.Stream) + sizeOfText(m.RequestId), true
}

func sizeOfExpectation(m *stetv1.Expectation) (size int, ok bool) {
	if hasUnknown(m) {
		return 0, false
	}
	switch kind := m.Kind.(type) {
	case nil:
		return 0, true
	case *stetv1.Expectation_State_:
		if kind != nil {
			return tagSize + protowire.SizeVarint(uint64(kind.State)), true
		}
	case *stetv1.Expectation_Version:
		if kind != nil {
			return tagSize + protowire.SizeVarint(kind.Version), true
		}
	}
	return 0, false
}

func sizeOfEvent(m *stetv1.NewEvent) (size int, ok bool) {
	if m == nil || hasUnknown(m) {
		return 0, false
	}
	if m.OccurredAt != nil {
		if hasUnknown(m.OccurredAt) {
			return 0, false
		}
		size = tagSize + protowire.SizeBytes(sizeOfTime(m.OccurredAt))
	}
	for key, value := range m.Metadata {
		size += tagSize + protowire.SizeBytes(sizeOfEntry(key, value))
	}
	for _, tag := range m.Tags {
		size += tagSize + protowire.SizeBytes(len(tag))
	}
	if m.SchemaVersion != 0 {
		size += tagSize + protowire.SizeVarint(uint64(m.SchemaVersion))
	}
	payload, ok := sizeOfPayload(m)
	return size + payload + sizeOfText(m.Id) + sizeOfText(m.Type), ok
}

func sizeOfPayload(m *stetv1.NewEvent) (size int, ok bool) {
	switch payload := m.Payload.(type) {
	case nil:
		return 0, true
	case *stetv1.NewEvent_Json:
		if payload != nil {
			return largeTagSize + protowire.SizeBytes(len(payload.Json)), true
		}
	case *stetv1.NewEvent_Binary:
		if payload != nil {
			return largeTagSize + protowire.SizeBytes(len(payload.Binary)), true
		}
	}
	return 0, false
}

// sizeOfEntry is that of an entry of metadata, which has both fields even when
// they are empty.
func sizeOfEntry(key, value string) int {
	return tagSize + protowire.SizeBytes(len(key)) + tagSize + protowire.SizeBytes(len(value))
}

func sizeOfTime(t *timestamppb.Timestamp) (size int) {
	if t.Seconds != 0 {
		size = tagSize + protowire.SizeVarint(uint64(t.Seconds))
	}
	if t.Nanos != 0 {
		size += tagSize + protowire.SizeVarint(uint64(t.Nanos))
	}
	return size
}

// sizeOfText is that of a text that is left out when it is empty.
func sizeOfText(s string) int {
	if s == "" {
		return 0
	}
	return tagSize + protowire.SizeBytes(len(s))
}
