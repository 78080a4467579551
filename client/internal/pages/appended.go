package pages

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// fieldIDs is that of the answer to an append, as in
// proto/stet/v1/append.proto.
const fieldIDs = 6

// decodeAppended decodes the answer to an append. Its time goes where recordedAt
// points to.
func decodeAppended(wire []byte, m *stetv1.AppendResponse, recordedAt *timestamppb.Timestamp) bool {
	f := fields{rest: wire}
	for f.next() {
		switch f.last {
		case 1:
			m.FirstVersion = f.varint()
		case 2:
			m.LastVersion = f.varint()
		case 3:
			m.FirstPosition = f.varint()
		case 4:
			m.LastPosition = f.varint()
		case 5:
			m.RecordedAt = recordedAt
			f.timestamp(recordedAt)
		case fieldIDs:
			id := f.bytes()
			if !utf8.Valid(id) {
				return false
			}
			m.Ids = append(m.Ids, string(id))
		case 7:
			m.Replayed = protowire.DecodeBool(f.varint())
		default:
			return false
		}
	}
	return !f.odd
}

// decodePipelined decodes the answer to an append in a pipeline. Refusals are
// left to the general decoder.
func decodePipelined(wire []byte, m *stetv1.AppendPipelineResponse) bool {
	f := fields{rest: wire}
	for f.next() {
		switch f.last {
		case 1:
			m.Ticket = f.varint()
		case 2:
			// What each answer has, allocated at once.
			memory := new(struct {
				outcome    stetv1.AppendPipelineResponse_Appended
				response   stetv1.AppendResponse
				recordedAt timestamppb.Timestamp
			})
			memory.outcome.Appended, m.Outcome = &memory.response, &memory.outcome
			if !decodeAppended(f.bytes(), &memory.response, &memory.recordedAt) {
				return false
			}
		default:
			return false
		}
	}
	return !f.odd
}
