package sim

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptsDeaf says that a deaf socket may be accepted from.
const acceptsDeaf = true

// cut has the kernel drop what comes in for a connection before its TCP sees it, as a cut cable does:
// nothing is acknowledged any more. It drops nothing that goes out.
func cut(c net.Conn) { control(c, dropAll) }

// mend undoes cut. TCP then sends what was dropped again, in its own time.
func mend(c net.Conn) { control(c, dropNone) }

// control calls f with a TCP connection's socket, unless that is closed.
func control(c net.Conn, f func(fd int)) {
	if raw, err := c.(syscall.Conn).SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

// plug drops what comes in for the port. One that does not listen yet begins to, or dials would be refused.
func (s *socket) plug() (unplug func()) {
	dropAll(s.fd)
	_ = unix.Listen(s.fd, backlog)
	return func() { dropNone(s.fd) }
}

// dropAll sets a filter that keeps no byte of a packet. Under a kernel that knows none, connections hang, but
// are acknowledged.
func dropAll(fd int) {
	none := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &none})
}

func dropNone(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) }
