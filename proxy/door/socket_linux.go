package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A socket is one that the door holds: a bare descriptor, unknown to Go's poller, or the door would wake up with
// each connection that comes for the proxies.
type socket struct {
	fd      int
	address string
}

// open opens the socket of an entry point.
func open(network string, e Entry) (*socket, error) {
	// A door that is started anew where its predecessor was, without a network namespace of its own, finds the
	// port in the hands of proxies, which accept there until they have the new socket.
	config := net.ListenConfig{Control: reusable}
	config.SetMultipathTCP(false) // Deafen cannot be done to its sockets
	var (
		s   *socket
		err error
	)
	if network == UDP {
		var c net.PacketConn
		if c, err = config.ListenPacket(context.Background(), network, e.Address); err == nil {
			defer c.Close()
			s, err = keep(c.(syscall.Conn), c.LocalAddr())
		}
	} else {
		var ln net.Listener
		if ln, err = config.Listen(context.Background(), network, e.Address); err == nil {
			defer ln.Close()
			s, err = keep(ln.(syscall.Conn), ln.Addr())
		}
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("entry point %s: %s is taken by another process: end it, or set --entrypoints.%s.address to another port: %w", e.Name, e.Address, e.Name, err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("entry point %s: not allowed to listen on %s: run the door with the capability NET_BIND_SERVICE, or set --entrypoints.%s.address to a port above 1023: %w", e.Name, e.Address, e.Name, err)
	case err != nil:
		return nil, fmt.Errorf("entry point %s: listen on %s: %w", e.Name, e.Address, err)
	}
	return s, nil
}

func reusable(_, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	return errors.Join(failed, err)
}

// keep makes a second descriptor of the same socket; the first one is for closing.
func keep(c syscall.Conn, a net.Addr) (*socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{address: a.String()}
	failed := raw.Control(func(fd uintptr) { s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return s, errors.Join(failed, err)
}

// send writes a packet with the socket in it.
func (s *socket) send(c *net.UnixConn, packet []byte) error {
	_, _, err := c.WriteMsgUnix(packet, unix.UnixRights(s.fd), nil)
	return err
}

func (s *socket) close() { unix.Close(s.fd) }

// owner is the user whose process is at the other end (SO_PEERCRED).
func owner(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	failed := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(failed, err); err != nil {
		return 0, fmt.Errorf("whose process asks is not to be found out: %w", err)
	}
	return int(cred.Uid), nil
}

// receive reads a packet, and the socket that may be in it.
func receive(c *net.UnixConn) (string, *os.File, error) {
	buf, extra := make([]byte, longest), make([]byte, unix.CmsgSpace(4))
	n, en, _, _, err := c.ReadMsgUnix(buf, extra)
	if err != nil {
		return "", nil, err
	}
	if en == 0 {
		return string(buf[:n]), nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(extra[:en])
	if err != nil {
		return "", nil, err
	}
	fds, err := unix.ParseUnixRights(&messages[0]) // there is room for one only
	if err != nil {
		return "", nil, err
	}
	return string(buf[:n]), os.NewFile(uintptr(fds[0]), "socket of a door"), nil
}
