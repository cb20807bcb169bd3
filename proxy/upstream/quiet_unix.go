//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// quiet returns a function that reports whether nothing came in on a socket, neither bytes nor
// its end, without waiting and without taking anything.
func quiet(socket net.Conn) func() bool {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return unknown
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return unknown
	}
	var empty bool
	var b [1]byte
	peek := func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		empty = err == syscall.EAGAIN
		return true
	}
	return func() bool { return raw.Read(peek) == nil && empty }
}
