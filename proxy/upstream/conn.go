package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// conn is one connection to the backend. It holds no buffer, so an idle one costs little.
type conn struct {
	net.Conn             // what is read and written: TLS over socket, or socket itself
	socket   net.Conn    // closed without ceremony when an exchange is cut off
	quiet    func() bool // nothing came in since the last answer
	kept     bool        // it served a request before
	used     time.Time   // when it was last kept
}

func unknown() bool { return false }

// open dials. Its errors are whole.
func (h *Host) open(ctx context.Context) (*conn, error) {
	dctx, cancel := context.WithTimeout(ctx, h.opt.DialTimeout)
	defer cancel()
	c, err := h.dial(dctx)
	if err == nil {
		return c, nil
	}
	e := &Error{Stage: NothingWritten, Op: OpDial, Addr: h.addr.HostPort, Err: err}
	switch {
	case ctx.Err() != nil:
		e.Op, e.Err = OpContext, context.Cause(ctx)
	case exhausted(err):
		e.Op = OpSocket
	}
	return nil, e
}

func (h *Host) dial(ctx context.Context) (*conn, error) {
	socket, err := h.opt.Dial(ctx, "tcp", h.addr.HostPort)
	if err != nil {
		return nil, err
	}
	if h.addr.Scheme != "https" {
		return &conn{Conn: socket, socket: socket, quiet: quiet(socket)}, nil
	}
	t := tls.Client(socket, h.opt.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		socket.Close()
		return nil, err
	}
	return &conn{Conn: t, socket: socket, quiet: quietTLS(t, quiet(socket))}, nil
}

// quietTLS also looks for what was decrypted already and not read.
func quietTLS(t *tls.Conn, socketQuiet func() bool) func() bool {
	return func() bool {
		if !socketQuiet() || t.SetReadDeadline(time.Unix(1, 0)) != nil {
			return false
		}
		var b [1]byte
		n, err := t.Read(b[:])
		var timeout net.Error
		return n == 0 && errors.As(err, &timeout) && timeout.Timeout() && t.SetReadDeadline(time.Time{}) == nil
	}
}

// exhausted tells a lack of this machine from a fault of the backend, which is not to be ejected
// for it.
func exhausted(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
