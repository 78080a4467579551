package client

import (
	"context"
	"time"
)

// Plain tells whether a client with these options would connect without TLS.
func Plain(o Options, addr string) bool { return o.transport().Plain(addr) }

// SetTime replaces waiting and randomness. Only before the client is used.
func (c *Client) SetTime(sleep func(context.Context, time.Duration) error, random func() float64) {
	c.sleep, c.backoff.Random = sleep, random
}
