package upstream

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitSilence sets TCP_USER_TIMEOUT (RFC 5482); 0: the system's, a quarter of an hour.
func limitSilence(socket net.Conn, d time.Duration) {
	sc, ok := socket.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	// What fails here is found out by who reads or writes next.
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	})
}
