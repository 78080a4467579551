package convert

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/stet-db/stet/storage"
)

func TestATimeBetweenTwoMicrosecondsMovesUpToTheNext(t *testing.T) {
	second := time.Unix(1_700_000_000, 0)
	for _, c := range []struct{ in, want time.Duration }{
		{0, 0},
		{1, time.Microsecond},
		{time.Microsecond - 1, time.Microsecond},
		{time.Microsecond, time.Microsecond},
		{time.Second - 1, time.Second},
	} {
		var f Faults
		at := f.Instant("at", timestamppb.New(second.Add(c.in)))
		if at == nil || *at != storage.InstantOf(second.Add(c.want)) || len(f) > 0 {
			t.Errorf("%v: %v %v, want %v", c.in, at, f, c.want)
		} else if got := Timestamp(*at).AsTime(); !got.Equal(second.Add(c.want)) {
			t.Errorf("%v: told as %v", c.in, got)
		}
	}
}

func TestAllFaultsAreGatheredWithTheirFields(t *testing.T) {
	var f Faults
	f.Add("stream", "")
	if f.Instant("none", nil) != nil || len(f) > 0 {
		t.Errorf("faults where there are none: %v", f)
	}
	for _, broken := range []*timestamppb.Timestamp{{Nanos: -1}, {Nanos: 1_000_000_000}, {Seconds: 1 << 40}} {
		if at := f.Instant("at", broken); at != nil {
			t.Errorf("%v became %v", broken, *at)
		}
	}
	f.Add("stream", "is too long")
	if len(f) != 4 || f[0].Field != "at" || f[0].Problem == "" || f[3] != (storage.Violation{Field: "stream", Problem: "is too long"}) {
		t.Errorf("%v", f)
	}
}
