//go:build !unix

package sim

import (
	"fmt"
	"net"
	"net/netip"
)

// socket is a TCP port of loopback. Here it listens from the beginning and is never deaf: dials
// that should be refused or time out are accepted by the kernel and get no answer.
type socket struct {
	ln      net.Listener
	address netip.AddrPort
}

func newSocket() (*socket, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port of a simulated task: %w", err)
	}
	return &socket{ln: ln, address: ln.Addr().(*net.TCPAddr).AddrPort()}, nil
}

func (s *socket) listener() (net.Listener, error) { return s.ln, nil }

func (s *socket) deafen() {}

func (s *socket) hear() {}

func (s *socket) close() { _ = s.ln.Close() }
