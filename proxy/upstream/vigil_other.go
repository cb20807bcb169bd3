//go:build !linux

package upstream

import (
	"net"
	"time"
)

// limitSilence is Linux's alone.
func limitSilence(net.Conn, time.Duration) {}
