//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A handler is told when its socket can be read or written. Its error ends the run.
type handler interface{ ready(events uint32) error }

// A loop serves all sockets of the bench, the clients' and the backends', on one thread: so
// their side of a request costs less than the peers', who are then what a run waits for.
type loop struct {
	epoll    int
	handlers map[int32]handler
	events   [256]unix.EpollEvent
	scratch  [256 << 10]byte // what was read last, until the next read
}

func newLoop() (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loop{epoll: fd, handlers: map[int32]handler{}}, nil
}

// turn handles what is ready now. It never sleeps: a peer that writes must not pay for waking
// us, which on a virtual machine costs it more than the write.
func (l *loop) turn() error {
	n, err := unix.EpollWait(l.epoll, l.events[:], 0)
	if err != nil && err != unix.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range l.events[:max(n, 0)] {
		h := l.handlers[e.Fd]
		if h == nil { // closed by the handler of an event before
			continue
		}
		if err := h.ready(e.Events); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) add(fd int, events uint32, h handler) error {
	l.handlers[int32(fd)] = h
	err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	return os.NewSyscallError("epoll_ctl", err)
}

func (l *loop) close(fd int) {
	delete(l.handlers, int32(fd))
	_ = unix.Close(fd) // nothing is written behind
}

// A socket is one connection in a loop. It does not block.
type socket struct {
	loop *loop
	fd   int
	out  []byte // still to be written
	full bool   // the kernel takes no more: we are told when it does
}

// send begins to write b, which must stay as it is until it is written.
func (s *socket) send(b []byte) error {
	s.out = b
	return s.flush()
}

func (s *socket) flush() error {
	n, err := unix.Write(s.fd, s.out)
	if err != nil && err != unix.EAGAIN {
		return os.NewSyscallError("write", err)
	}
	s.out = s.out[max(n, 0):]
	full := len(s.out) > 0
	if full == s.full {
		return nil
	}
	s.full = full
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.fd)}
	if full {
		e.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.loop.epoll, unix.EPOLL_CTL_MOD, s.fd, &e))
}

// errGone is a connection that the other side closed.
var errGone = errors.New("connection closed by the other side")

// read takes what there is. The bytes are good until the next read of any socket.
func (s *socket) read() ([]byte, error) {
	n, err := unix.Read(s.fd, s.loop.scratch[:])
	switch {
	case err == unix.EAGAIN:
		return nil, nil
	case err != nil:
		return nil, os.NewSyscallError("read", err)
	case n == 0:
		return nil, errGone
	}
	return s.loop.scratch[:n], nil
}
