package stetload

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/internal/workload"
)

// StoredBytes is what a typical event takes as stored and sent: the raw byte
// that written bytes are compared with.
func StoredBytes(p *workload.Payload) int {
	e := p.Events(0, 1)[0]
	return proto.Size(&stetv1.RecordedEvent{
		Stream: workload.Dataset{Name: "benchload"}.Stream(50_000), Version: 100, Position: 1_000_000,
		RecordedAt: timestamppb.Now(), Id: "01890a5d-ac96-774b-bcce-b302099a8057", Type: e.Type,
		Metadata: e.Metadata, Payload: &stetv1.RecordedEvent_Json{Json: e.JSON},
	})
}
