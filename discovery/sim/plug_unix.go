//go:build unix && !linux

package sim

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// plug fills the backlog: the kernel drops what comes in over a full one. Nobody may accept from it meanwhile.
func (s *socket) plug() (unplug func()) {
	_ = unix.Listen(s.fd, 0) // of a socket that listens it cannot fail
	// A backlog of 0 holds one or two, and one more goes to who accepts just then. So it is full when
	// dials fail repeatedly.
	const tries, enough = 16, 3
	var stuffed []net.Conn
	for failed := 0; failed < enough && len(stuffed) < tries; {
		c, err := net.DialTimeout("tcp", s.address.String(), 20*time.Millisecond)
		if err != nil {
			failed++
			continue
		}
		stuffed = append(stuffed, c)
	}
	return func() {
		_ = unix.Listen(s.fd, backlog)
		for _, c := range stuffed {
			_ = c.Close()
		}
	}
}
