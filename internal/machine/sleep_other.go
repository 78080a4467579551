//go:build !linux

package machine

import "time"

// Sleep waits about d.
func Sleep(d time.Duration) { <-time.After(d) }
