package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stet-db/stet/server/httpapi"
)

// half is a request whose body has begun.
type half struct {
	net.Conn
	k    *kit
	rest int
}

// begin sends a request that announces so many bytes, and some of them.
func (k *kit) begin(announced, sent int) *half {
	k.Helper()
	conn, err := net.Dial("tcp", k.server.Listener.Addr().String())
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = conn.Close() }) // again, perhaps
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		k.Fatal(err)
	}
	h := &half{conn, k, announced}
	if _, err := fmt.Fprintf(conn, "POST /cart/1/had_item_added HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", announced); err != nil {
		k.Fatal(err)
	}
	h.send(sent)
	return h
}

func (h *half) send(bytes int) {
	h.k.Helper()
	h.rest -= bytes
	if _, err := io.WriteString(h, strings.Repeat("x", bytes)); err != nil {
		h.k.Fatal(err)
	}
}

// answer is the status and the body of the answer, and whether the connection
// ends with it.
func (h *half) answer() (status int, text string, ends bool) {
	h.k.Helper()
	res, err := http.ReadResponse(bufio.NewReader(h), nil)
	if err != nil {
		h.k.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		h.k.Fatal(err)
	}
	return res.StatusCode, string(all), res.Close
}

// held waits until all bodies hold so much.
func (k *kit) held(bytes int64) {
	k.Helper()
	for end := time.Now().Add(patience); k.api.Stats().BodyBytes != bytes; {
		if time.Now().After(end) {
			k.Fatalf("bodies hold %d bytes, want %d", k.api.Stats().BodyBytes, bytes)
		}
	}
}

// I10: bodies that come slowly hold no more than their bound together. The one
// that holds most makes room, and the others are answered.
func TestBodiesTogetherHoldNoMoreThanTheirBound(t *testing.T) {
	const bound = 1 << 20
	k := newKit(t, "", func(o *httpapi.Options) { o.BodyBytes = bound })
	largest := k.begin(900_000, 500_000)
	k.held(500_000)
	small := k.begin(400_000, 300_000)
	k.held(800_000)
	last := k.begin(300_000, 200_000)
	k.held(1_000_000)
	last.send(100_000)

	status, text, ends := largest.answer()
	if status != http.StatusTooManyRequests || !strings.Contains(text, `"code":"BODIES_FULL"`) || !strings.Contains(text, "1048576") || !ends {
		t.Errorf("the largest: got %d, %s, ends %v", status, text, ends)
	}
	if status, text, _ := last.answer(); status == http.StatusTooManyRequests {
		t.Errorf("the last: got %d, %s", status, text)
	}
	small.send(small.rest)
	if status, text, _ := small.answer(); status == http.StatusTooManyRequests {
		t.Errorf("the small one: got %d, %s", status, text)
	}
	k.held(0)
	if stats := k.api.Stats(); stats.BodiesRefused != 1 || stats.BodyBytesLimit != bound {
		t.Errorf("got %+v", stats)
	}
}

// One that is alone and too much for all is the largest itself; one whose
// client leaves is forgotten.
func TestABodyThatIsGivenUpOrLeftHoldsNothing(t *testing.T) {
	k := newKit(t, "", func(o *httpapi.Options) { o.BodyBytes = 100_000 })
	left := k.begin(90_000, 80_000)
	k.held(80_000)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	k.held(0)
	if status, text, _ := k.begin(150_000, 150_000).answer(); status != http.StatusTooManyRequests {
		t.Errorf("got %d, %s", status, text)
	}
	k.held(0)
	if a := k.post("/cart/1/had_item_added", "{}"); a.status == http.StatusTooManyRequests {
		t.Errorf("the next one: got %d, %s", a.status, a.body)
	}
}

// untaken is the writer of a client that does not take its answer.
type untaken struct {
	*httptest.ResponseRecorder
	writing func()
}

func (w untaken) Write(b []byte) (int, error) {
	w.writing()
	return w.ResponseRecorder.Write(b)
}

// Who does not take the answer keeps nobody out by the body before it.
func TestABodyCountsNoLongerWhenItIsAnswered(t *testing.T) {
	k := newKit(t, "", nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/cart/1/had_item_added", strings.NewReader(strings.Repeat(" ", 100_000)))
	r.Header.Set("Content-Type", "application/json")
	var held int64 = -1
	k.api.ServeHTTP(untaken{httptest.NewRecorder(), func() { held = k.api.Stats().BodyBytes }}, r)
	if limit := k.api.Stats().BodyBytesLimit; limit != httpapi.DefaultBodyBytes {
		t.Errorf("the bound is %d by default, want %d", limit, httpapi.DefaultBodyBytes)
	}
	if held != 0 {
		t.Errorf("%d bytes are held while the answer is written, want 0", held)
	}
}
