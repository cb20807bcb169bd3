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
	socket   net.Conn    // what lies below
	live     *live       // where it is known as long as it is open
	inflow   inflow      // as Choked saw it last; guarded by live
	quiet    func() bool // nothing came in since the last answer
	end      func()      // sever, for a context to call
	watched  bool        // the kernel ends it after vanishTime
	kept     bool        // it served a request before
	used     time.Time   // when it was last kept
}

func newConn(whole, socket net.Conn, h *Host, quiet func() bool) *conn {
	c := &conn{Conn: whole, socket: socket, live: &h.live, quiet: quiet}
	c.end = c.sever
	return c
}

func unknown() bool { return false }

// Read lasts no longer than lastWait once the backend is abandoned.
func (c *conn) Read(p []byte) (int, error) {
	if c.live.gone.Err() != nil {
		c.hurry()
	}
	return c.Conn.Read(p)
}

func (c *conn) hurry() { _ = c.SetReadDeadline(time.Now().Add(lastWait)) } // fails only if it is closed

// limitRead gives all reads until further notice so long; 0: for ever.
func (c *conn) limitRead(d time.Duration) {
	var end time.Time
	if d > 0 {
		end = time.Now().Add(d)
	}
	_ = c.SetReadDeadline(end) // the read that follows finds a dead connection out
	if c.live.gone.Err() != nil {
		c.hurry()
	}
}

// Close says goodbye, where TLS has one.
func (c *conn) Close() error {
	c.live.remove(c)
	return c.Conn.Close()
}

// sever closes without ceremony; an exchange is cut off.
func (c *conn) sever() {
	c.live.remove(c)
	c.socket.Close()
}

// open dials. Its errors are whole.
func (h *Host) open(ctx context.Context) (*conn, error) {
	dctx, cancel := context.WithTimeout(ctx, h.opt.DialTimeout)
	defer cancel()
	defer context.AfterFunc(h.live.gone, cancel)()
	c, err := h.dial(dctx)
	if err == nil {
		h.live.add(c)
		return c, nil
	}
	e := &Error{Stage: NothingWritten, Op: OpDial, Addr: h.addr.HostPort, Err: err}
	switch {
	case ctx.Err() != nil:
		e.Op, e.Err = OpContext, context.Cause(ctx)
	case h.live.gone.Err() != nil:
		e.Err = errGone
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
		return newConn(socket, socket, h, quiet(socket)), nil
	}
	t := tls.Client(socket, h.opt.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		socket.Close()
		return nil, err
	}
	return newConn(t, socket, h, quietTLS(t, quiet(socket))), nil
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
