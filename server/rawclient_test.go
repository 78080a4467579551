package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	stetv1 "github.com/stet-db/stet/gen/stet/v1"
)

// rawClient speaks HTTP/2 frame by frame, to do what no honest client does. Its
// sending belongs to one goroutine at a time; errors of the connection end it
// in silence, since a server may well close on such a client.
type rawClient struct {
	conn net.Conn

	mu     sync.Mutex // of the framer's writing
	framer *http2.Framer
	encode *hpack.Encoder
	block  bytes.Buffer
	next   uint32

	reader   sync.WaitGroup
	goneAway atomic.Bool
	// ended counts the calls that the server ended, resets the ones it reset.
	ended, resets atomic.Int64
	// statuses are the grpc-status headers, by value.
	statuses [17]atomic.Int64
	closed   chan struct{} // by the server
}

// newRawClient makes a raw client that ends with the test.
func newRawClient(t testing.TB, conn net.Conn) *rawClient {
	t.Helper()
	c, err := startRawClient(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// startRawClient sends the preface and reads on a goroutine that ends with the
// connection. It answers pings, but widens no window.
func startRawClient(conn net.Conn) (*rawClient, error) {
	c := &rawClient{conn: conn, framer: http2.NewFramer(conn, conn), next: 1, closed: make(chan struct{})}
	c.encode = hpack.NewEncoder(&c.block)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = c.framer.WriteSettings()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c.reader.Go(func() {
		c.readLoop()
		close(c.closed)
	})
	return c, nil
}

func (c *rawClient) close() {
	_ = c.conn.Close() // again, perhaps
	c.reader.Wait()
}

func (c *rawClient) readLoop() {
	for {
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.write(func() error { return c.framer.WriteSettingsAck() })
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				c.write(func() error { return c.framer.WritePing(true, f.Data) })
			}
		case *http2.GoAwayFrame:
			c.goneAway.Store(true)
		case *http2.RSTStreamFrame:
			c.resets.Add(1)
		case *http2.MetaHeadersFrame:
			c.sawHeaders(f)
		}
	}
}

func (c *rawClient) sawHeaders(f *http2.MetaHeadersFrame) {
	if !f.StreamEnded() {
		return
	}
	c.ended.Add(1)
	for _, h := range f.RegularFields() {
		if h.Name != "grpc-status" {
			continue
		}
		var code int
		for _, digit := range h.Value {
			code = 10*code + int(digit-'0')
		}
		if code < len(c.statuses) {
			c.statuses[code].Add(1)
		}
	}
}

// write is false once the connection is gone.
func (c *rawClient) write(what func() error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return what() == nil
}

// call opens a call; more are headers, as pairs. 0: the connection is gone.
func (c *rawClient) call(method string, more ...string) uint32 {
	id := c.next
	c.next += 2
	sent := c.write(func() error {
		c.block.Reset()
		fields := append([]string{
			":method", "POST", ":scheme", "http", ":path", method, ":authority", "test",
			"content-type", "application/grpc", "te", "trailers",
		}, more...)
		for i := 0; i < len(fields); i += 2 {
			if err := c.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
				return err
			}
		}
		// In frames of the size that every server takes.
		block, first := c.block.Bytes(), true
		for first || len(block) > 0 {
			n := min(len(block), 16<<10)
			part, last := block[:n], n == len(block)
			var err error
			if first {
				err = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndHeaders: last})
			} else {
				err = c.framer.WriteContinuation(id, last, part)
			}
			if err != nil {
				return err
			}
			block, first = block[n:], false
		}
		return nil
	})
	if !sent {
		return 0
	}
	return id
}

func (c *rawClient) data(id uint32, p []byte, end bool) bool {
	return c.write(func() error { return c.framer.WriteData(id, end, p) })
}

func (c *rawClient) reset(id uint32) bool {
	return c.write(func() error { return c.framer.WriteRSTStream(id, http2.ErrCodeCancel) })
}

// announced is the beginning of a message that says it has so many bytes.
func announced(bytes uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{0}, bytes)
}

// framed is a whole message.
func framed(m proto.Message) []byte {
	body, err := proto.Marshal(m)
	if err != nil {
		panic(err) // a message of the test's own
	}
	return append(announced(uint32(len(body))), body...)
}

const (
	appendMethod    = stetv1.EventStore_Append_FullMethodName
	pipelineMethod  = stetv1.EventStore_AppendPipeline_FullMethodName
	subscribeMethod = stetv1.EventStore_Subscribe_FullMethodName
	headMethod      = stetv1.EventStore_GetHead_FullMethodName
)
