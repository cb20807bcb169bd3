package door

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Deafen has the kernel drop the first packet (SYN) of connections to a listening socket, for all who have it. Nobody begins
// one any more, and those that were begun can be accepted: to close the socket resets what is in its queue. A client sends its
// SYN again after a second, and meets what is there by then. It fails for sockets of Multipath TCP.
func Deafen(ln syscall.Conn) error {
	const flags, syn = 13, 2 // the packet begins with its TCP header (RFC 9293 section 3.1)
	drop := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
	}
	raw, err := ln.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(drop)), Filter: &drop[0]})
	})
	return errors.Join(failed, err)
}
