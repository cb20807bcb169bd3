//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What is asked for, and how long the answer is.
const (
	small = "/small"
	large = "/large"

	smallSize = 64
	largeSize = 100 << 10
)

// A backend is a listening socket. The first byte of each of its answers is its name, which
// shows to a client who answered.
type backend struct {
	loop    *loop
	fd      int
	port    int
	answers map[string][]byte // by target
}

// startBackends starts n of them; they serve whenever the loop runs.
func startBackends(l *loop, n int) ([]*backend, error) {
	var all []*backend
	for i := range n {
		b := &backend{loop: l, answers: map[string][]byte{}}
		for target, size := range map[string]int{small: smallSize, large: largeSize} {
			body := string(rune('A'+i)) + strings.Repeat("x", size-1)
			b.answers[target] = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"+
				"Content-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", size, body)
		}
		if err := b.listen(); err != nil {
			return nil, fmt.Errorf("backend: %w", err)
		}
		all = append(all, b)
	}
	return all, nil
}

func (b *backend) listen() (err error) {
	if b.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(b.fd, &unix.SockaddrInet4{Addr: loopback}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(b.fd, 1024); err != nil {
		return os.NewSyscallError("listen", err)
	}
	address, err := unix.Getsockname(b.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	b.port = address.(*unix.SockaddrInet4).Port
	return b.loop.add(b.fd, unix.EPOLLIN, b)
}

var loopback = [4]byte{127, 0, 0, 1}

// ready takes one connection; if more wait we are called again.
func (b *backend) ready(uint32) error {
	fd, _, err := unix.Accept4(b.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err == unix.EAGAIN || err == unix.ECONNABORTED {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("accept", err)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	return b.loop.add(fd, unix.EPOLLIN, &served{socket: socket{loop: b.loop, fd: fd}, backend: b})
}

// served is one connection to a backend.
type served struct {
	socket
	backend *backend
	request message
}

func (c *served) ready(events uint32) error {
	if events&unix.EPOLLOUT != 0 {
		if err := c.flush(); err != nil {
			return c.end(err)
		}
	}
	if events&^unix.EPOLLOUT == 0 {
		return nil
	}
	b, err := c.read()
	if err != nil {
		return c.end(err)
	}
	whole, err := c.request.feed(b)
	if err != nil {
		return fmt.Errorf("backend: request: %w", err)
	}
	if !whole {
		return nil
	}
	answer := c.backend.answers[c.request.target()]
	if answer == nil {
		return fmt.Errorf("backend: asked for %q", c.request.target())
	}
	c.request.reset()
	if err := c.send(answer); err != nil {
		return c.end(err)
	}
	return nil
}

// end closes the connection. A proxy may end one at any time between requests.
func (c *served) end(err error) error {
	c.loop.close(c.fd)
	if len(c.out) > 0 || c.request.headed {
		return fmt.Errorf("backend: in the middle of a request: %w", err)
	}
	if errors.Is(err, errGone) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) {
		return nil
	}
	return fmt.Errorf("backend: %w", err)
}
