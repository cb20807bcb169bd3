//go:build unix

package sim

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// socket is a TCP port of loopback of which net shows too little: it can be held before it
// listens, so that dials are refused as those to a container whose app is not up yet, and be
// made deaf, so that they time out as those to a node that is gone.
type socket struct {
	fd      int
	address netip.AddrPort
	unplug  func() // nil unless it is deaf
}

// backlog of a socket that hears; the kernel lowers it to its own limit.
const backlog = 512

// newSocket holds a free port, without listening.
func newSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("socket of a simulated task: %w", err)
	}
	unix.CloseOnExec(fd)
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback.As4()}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("port of a simulated task: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("port of a simulated task: %w", err)
	}
	port := name.(*unix.SockaddrInet4).Port // as the family says
	return &socket{fd: fd, address: netip.AddrPortFrom(loopback, uint16(port))}, nil
}

// listener opens the port. The listener has to be closed beside the socket.
func (s *socket) listener() (net.Listener, error) {
	if err := unix.Listen(s.fd, backlog); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.address, err)
	}
	double, err := unix.Dup(s.fd)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.address, err)
	}
	unix.CloseOnExec(double)
	f := os.NewFile(uintptr(double), s.address.String())
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.address, err)
	}
	return l, nil
}

// deafen makes dials to the port time out.
func (s *socket) deafen() {
	if s.unplug == nil {
		s.unplug = s.plug()
	}
}

// hear undoes deafen.
func (s *socket) hear() {
	if s.unplug != nil {
		s.unplug()
		s.unplug = nil
	}
}

func (s *socket) close() {
	s.hear()
	_ = unix.Close(s.fd)
}
