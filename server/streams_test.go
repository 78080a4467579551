package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
	"github.com/stet-db/stet/server"
	"github.com/stet-db/stet/storage"
)

func (r *reading) list(prefix string, size uint32) []string {
	r.t.Helper()
	var names []string
	for token := ""; ; {
		page, err := r.client.ListStreams(r.t.Context(), &stetv1.ListStreamsRequest{Prefix: prefix, PageSize: size, PageToken: token})
		if err != nil {
			r.t.Fatal(err)
		}
		if n := len(page.GetStreams()); n > int(size) && size > 0 || n > 1000 || n == 0 && token != "" {
			r.t.Fatalf("a page of %d streams", n)
		}
		for _, s := range page.GetStreams() {
			names = append(names, s.GetName())
		}
		if token = page.GetNextPageToken(); token == "" {
			return names
		}
		if strings.Contains(token, names[len(names)-1]) {
			r.t.Fatalf("the token %q shows a name", token)
		}
	}
}

func TestStreamsAreListedInPages(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		if got := r.list("", 0); len(got) != 0 {
			t.Fatalf("an empty store lists %v", got)
		}
		var all []string
		for i := range 1201 {
			all = append(all, fmt.Sprintf("%c-%d", 'a'+i%3, i))
		}
		for chunk := range slices.Chunk(all, 300) {
			r.put(1, "Kept", 1, chunk...)
		}
		r.put(1, "Kept", 1, "$s-1")
		slices.Sort(all)
		a := all[:slices.IndexFunc(all, func(s string) bool { return s[0] == 'b' })]
		for _, c := range []struct {
			prefix string
			size   uint32
			want   []string
		}{
			{"", 0, all},
			{"", 1000, all},
			{"", 5000, all},
			{"", 7, all},
			{"", 1201, all},
			{"", 1200, all},
			{"a", 50, a},
			{"a-", 1, a[:401]},
			{"x", 0, nil},
			{"$", 0, []string{"$s-1"}},
		} {
			if got := r.list(c.prefix, c.size); !slices.Equal(got, c.want) {
				t.Fatalf("prefix %q by %d: %d names, want %d", c.prefix, c.size, len(got), len(c.want))
			}
		}
	})
}

func TestListStreamsRefusesWhatItDidNotGive(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		r.put(1, "Kept", 1, "a-1", "a-2", "b-1")
		page, err := r.client.ListStreams(t.Context(), &stetv1.ListStreamsRequest{PageSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		token := page.GetNextPageToken()
		for name, c := range map[string]struct {
			req   *stetv1.ListStreamsRequest
			field string
		}{
			"a token that is none":         {&stetv1.ListStreamsRequest{PageToken: "not base64!"}, "page_token"},
			"a token of nothing printable": {&stetv1.ListStreamsRequest{PageToken: "AAAA"}, "page_token"},
			"a token with padding":         {&stetv1.ListStreamsRequest{PageToken: token + "="}, "page_token"},
			"a token of another prefix":    {&stetv1.ListStreamsRequest{PageToken: token, Prefix: "b"}, "page_token"},
			"a long prefix":                {&stetv1.ListStreamsRequest{Prefix: strings.Repeat("p", 513)}, "prefix"},
			"a control character":          {&stetv1.ListStreamsRequest{Prefix: "a\n"}, "prefix"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := r.client.ListStreams(t.Context(), c.req)
				refused(t, err, codes.InvalidArgument, server.ReasonInvalidRequest, c.field)
			})
		}
	})
}

func TestAStreamIsDescribed(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		r := startReading(t, store, server.ServiceOptions{})
		r.put(1_000, "Kept", 1, "b-1")
		r.put(2_000, "Kept", 1, "a-1", "b-1")
		r.put(3_000_001, "Kept", 1, "a-1")
		got, err := r.client.GetStream(t.Context(), &stetv1.GetStreamRequest{Stream: "a-1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.GetStream() != "a-1" || got.GetVersion() != 2 || got.GetFirstPosition() != 2 || got.GetLastPosition() != 4 || got.GetHead() != 4 {
			t.Fatalf("got %v", got)
		}
		if got.GetCreatedAt().AsTime() != time.UnixMicro(2_000).UTC() || got.GetUpdatedAt().AsTime() != time.UnixMicro(3_000_001).UTC() {
			t.Fatalf("got %v", got)
		}
		_, err = r.client.GetStream(t.Context(), &stetv1.GetStreamRequest{Stream: "c-1"})
		refused(t, err, codes.NotFound, server.ReasonStreamNotFound)
		_, err = r.client.GetStream(t.Context(), &stetv1.GetStreamRequest{})
		refused(t, err, codes.InvalidArgument, server.ReasonInvalidRequest, "stream")
	})
}

func TestHeadAndServerInfoTellWhatThereIs(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Store) {
		started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		r := startReading(t, store, server.ServiceOptions{
			Version: "1.2.3", StartedAt: started, PipelineInFlight: 77, Limits: storage.Limits{EventBytes: 1234},
		})
		head, err := r.client.GetHead(t.Context(), &stetv1.GetHeadRequest{})
		if err != nil || head.GetHead() != 0 || head.GetRecordedAt() != nil || head.GetHistoryId() != store.Info().History.String() {
			t.Fatalf("%v, %v", head, err)
		}
		r.put(5_000_000, "Kept", 1, "a-1", "b-1")
		head, err = r.client.GetHead(t.Context(), &stetv1.GetHeadRequest{})
		if err != nil || head.GetHead() != 2 || head.GetRecordedAt().GetSeconds() != 5 {
			t.Fatalf("%v, %v", head, err)
		}
		info, err := r.client.GetServerInfo(t.Context(), &stetv1.GetServerInfoRequest{})
		if err != nil {
			t.Fatal(err)
		}
		limits := info.GetLimits()
		if info.GetVersion() != "1.2.3" || info.GetHead() != 2 || info.GetHistoryId() != head.GetHistoryId() ||
			info.GetStartedAt().AsTime() != started || info.GetDurability() != store.Info().Durability || info.GetFormat() != store.Info().Format {
			t.Fatalf("got %v", info)
		}
		if limits.GetEventBytes() != 1234 || limits.GetTags() != 32 || limits.GetPipelineInFlight() != 77 || limits.GetRequestWindow().AsDuration() != 7*24*time.Hour {
			t.Fatalf("got %v", limits)
		}
		if info.GetDurability() == "sync" && info.GetSyncLatency().AsDuration() <= 0 {
			t.Fatalf("no sync latency after a sync: %v", info)
		}
	})
}
