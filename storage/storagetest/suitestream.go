package storagetest

import (
	"fmt"
	"slices"

	"github.com/stet-db/stet/storage"
)

var streamRules = []rule{
	{"describes a stream as of each head", describesStreams},
	{"lists streams by name, in pages", listsStreams},
	{"lists the streams visible at a head", listsStreamsAtHead},
	{"keeps streams apart whatever their names", keepsStreamsApart},
}

// wantStreams lists streams and wants these names, each described as Stream
// does.
func (s *subject) wantStreams(q storage.StreamsQuery, names ...string) {
	s.Helper()
	got, err := s.store.Streams(s.Context(), q)
	if err != nil {
		s.Fatalf("%+v: %v", q, err)
	}
	var listed []string
	for _, info := range got {
		listed = append(listed, info.Name)
		if one, err := s.store.Stream(s.Context(), info.Name, q.Head); err != nil || one != info {
			s.Fatalf("%+v lists %+v, Stream says %+v, %v", q, info, one, err)
		}
	}
	if !slices.Equal(listed, names) {
		s.Fatalf("%+v: got %q, want %q", q, listed, names)
	}
}

func describesStreams(s *subject) {
	s.accept(One(1, Expect("b-1", storage.ExpectAny(), s.event())))
	s.accept(One(1, Expect("a-1", storage.ExpectAny(), s.events(2)...)))
	s.accept(One(1, Expect("b-1", storage.ExpectAny(), s.event()), Expect("a-1", storage.ExpectAny(), s.event())))
	for head, want := range map[storage.Position]storage.StreamInfo{
		2: {Name: "a-1", Version: 1, First: 2, Last: 2},
		3: {Name: "a-1", Version: 2, First: 2, Last: 3},
		4: {Name: "a-1", Version: 2, First: 2, Last: 3},
		5: {Name: "a-1", Version: 3, First: 2, Last: 5},
	} {
		if got, err := s.store.Stream(s.Context(), "a-1", head); err != nil || got != want {
			s.Fatalf("stream a-1 at head %d: got %+v, %v, want %+v", head, got, err, want)
		}
	}
}

func listsStreams(s *subject) {
	for _, name := range []string{"cart-2", "cart-1", "cart", "carts-1", "$sys-b", "$sys-a", "ürn-1", "cart-10", "order-\u00ff"} {
		s.accept(One(1, Expect(name, storage.ExpectNoStream(), s.event())))
	}
	head := s.store.Head()
	clients := []string{"cart", "cart-1", "cart-10", "cart-2", "carts-1", "order-\u00ff", "ürn-1"}
	s.wantStreams(storage.StreamsQuery{Limit: 100, Head: head}, clients...)
	s.wantStreams(storage.StreamsQuery{Limit: 100, Head: head, WithServerStreams: true}, append([]string{"$sys-a", "$sys-b"}, clients...)...)
	s.wantStreams(storage.StreamsQuery{Prefix: "$", Limit: 100, Head: head}, "$sys-a", "$sys-b")
	s.wantStreams(storage.StreamsQuery{Prefix: "cart-", Limit: 100, Head: head}, "cart-1", "cart-10", "cart-2")
	s.wantStreams(storage.StreamsQuery{Prefix: "cart-1", Limit: 100, Head: head}, "cart-1", "cart-10")
	s.wantStreams(storage.StreamsQuery{Prefix: "nothing", Limit: 100, Head: head})
	s.wantStreams(storage.StreamsQuery{Prefix: "cart", After: "cart-10", Limit: 100, Head: head}, "cart-2", "carts-1")
	s.wantStreams(storage.StreamsQuery{Prefix: "cart", After: "a", Limit: 2, Head: head}, "cart", "cart-1")
	s.wantStreams(storage.StreamsQuery{Prefix: "cart", After: "z", Limit: 2, Head: head})
	s.wantStreams(storage.StreamsQuery{After: "$sys-a", Limit: 1, Head: head}, "cart")
	for _, limit := range []int{1, 2, 3, 100} {
		var paged []string
		for after := ""; ; {
			page, err := s.store.Streams(s.Context(), storage.StreamsQuery{After: after, Limit: limit, Head: head})
			if err != nil || len(page) > limit {
				s.Fatalf("page of %d after %q: got %d, %v", limit, after, len(page), err)
			}
			if len(page) == 0 {
				break
			}
			for _, info := range page {
				paged = append(paged, info.Name)
			}
			after = page[len(page)-1].Name
		}
		if !slices.Equal(paged, clients) {
			s.Fatalf("pages of %d: got %q, want %q", limit, paged, clients)
		}
	}
}

// listsStreamsAtHead shows I7 for listings.
func listsStreamsAtHead(s *subject) {
	for _, name := range []string{"d-1", "b-1", "c-1", "a-1"} {
		s.accept(One(1, Expect(name, storage.ExpectAny(), s.event())))
		s.accept(One(1, Expect("d-1", storage.ExpectAny(), s.event())))
	}
	s.wantStreams(storage.StreamsQuery{Limit: 10, Head: 1}, "d-1")
	s.wantStreams(storage.StreamsQuery{Limit: 10, Head: 4}, "b-1", "d-1")
	s.wantStreams(storage.StreamsQuery{Limit: 1, Head: 5}, "b-1")
	s.wantStreams(storage.StreamsQuery{Limit: 2, Head: 6, After: "a-2"}, "b-1", "c-1")
	s.wantStreams(storage.StreamsQuery{Limit: 10, Head: 8}, "a-1", "b-1", "c-1", "d-1")
}

// keepsStreamsApart uses names of which one begins like another, at every
// length, and bytes that a key codec might stumble over.
func keepsStreamsApart(s *subject) {
	names := []string{"a", "a-", "a-1", "a-1\u00ff", "a-11", "b", "\u00ff\u00ff", "\U0010ffff", "auth0|123456", "cart-550e8400-e29b-41d4-a716-446655440000"}
	long := "long-"
	for len(long) < 512 {
		long += "x"
	}
	names = append(names, long, long[:511])
	for round := range 3 {
		for _, name := range names {
			s.accept(One(1, Expect(name, storage.ExpectVersion(storage.Version(round)), s.event())))
		}
	}
	for i, name := range names {
		for round, k := range s.read(s.store.ReadStream(s.Context(), storage.StreamRange{Stream: name})) {
			if e := s.decode(k); e.Stream != name || e.Position != storage.Position(round*len(names)+i+1) {
				s.Fatalf("stream %q holds %s at position %d", name, fmt.Sprintf("%q", e.Stream), e.Position)
			}
		}
	}
}
