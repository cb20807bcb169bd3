package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/forward"
)

// connection is a client's, as net/http's server reads and writes it: what it reads has passed the
// guard, and a client that owes us part of a body, or does not take its answer, has only so long.
type connection struct {
	net.Conn
	owner *connections
	peer  netip.Addr   // what the owner counts it under; not valid if it does not
	state atomic.Int32 // http.ConnState
	gone  atomic.Bool

	guard   guard                 // the reader's
	bad     error                 // what the guard found; the reader's
	fault   atomic.Pointer[error] // why a body cannot be read on
	tunnel  atomic.Bool           // the guard lets anything pass
	spoilt  atomic.Bool           // nobody knows where the next request begins
	in, out silence               // of bodies and answers, until the connection is a tunnel
	idle    time.Duration         // of a tunnel; 0: no bound
	moved   atomic.Int64          // when a tunnel last carried something, in Unix nanoseconds
}

func newConnection(c net.Conn, owner *connections) *connection {
	conn := &connection{Conn: c, owner: owner, idle: owner.limits.tunnelIdle}
	conn.in.limit, conn.in.set = owner.limits.silence, c.SetReadDeadline
	conn.out.limit, conn.out.set = owner.limits.silence, c.SetWriteDeadline
	return conn
}

// Read reads what has passed the guard.
func (c *connection) Read(p []byte) (int, error) {
	if c.spoilt.Load() {
		return 0, io.EOF
	}
	if c.bad != nil {
		return 0, c.refuse(p)
	}
	if c.state.Load() == int32(http.StateHijacked) {
		return c.readTunnel(p)
	}
	if c.guard.amidst() {
		c.in.begin(time.Now())
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		if c.guard.amidst() && errors.Is(err, os.ErrDeadlineExceeded) {
			c.blame(fmt.Errorf("%w: %w", forward.ErrSilent, err))
		}
		return n, err
	}
	passed, bad := c.guard.pass(p[:n])
	if !c.guard.amidst() {
		c.in.end() // or it would end the wait for the answer, too
	}
	if c.guard.part == anything {
		c.tunnel.Store(true)
	}
	if bad == nil {
		return n, err
	}
	if c.bad = bad; c.guard.amidst() {
		c.blame(fmt.Errorf("%w: %w", forward.ErrBadRequest, bad))
	}
	if passed == 0 {
		return 0, c.refuse(p)
	}
	return passed, nil
}

func (c *connection) blame(err error) { c.fault.Store(&err) }

// Fault implements forward.Client.
func (c *connection) Fault() error {
	if err := c.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// refuse ends reading at what the guard found. While the request before is being answered that
// is not yet due: the server listens only for the client's end then, and would take an error for it.
func (c *connection) refuse(p []byte) error {
	for c.state.Load() == int32(http.StateActive) && !c.guard.amidst() {
		if _, err := c.Conn.Read(p); err != nil {
			return err
		}
	}
	return c.bad
}

// readTunnel ends a tunnel that has carried nothing in either direction for too long.
func (c *connection) readTunnel(p []byte) (int, error) {
	for {
		if c.idle > 0 {
			if err := c.Conn.SetReadDeadline(c.lastMoved().Add(c.idle)); err != nil {
				return 0, err
			}
		}
		n, err := c.Conn.Read(p)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && time.Since(c.lastMoved()) < c.idle {
			continue // the other direction has moved meanwhile
		}
		c.moved.Store(time.Now().UnixNano())
		return n, err
	}
}

func (c *connection) lastMoved() time.Time {
	if at := c.moved.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now()
}

func (c *connection) Write(p []byte) (int, error) {
	now := time.Now()
	c.out.begin(now)
	if c.idle > 0 {
		c.moved.Store(now.UnixNano())
	}
	return c.Conn.Write(p)
}

// CloseWrite says that no more will be written.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

func (c *connection) Close() error {
	if c.gone.CompareAndSwap(false, true) {
		c.owner.remove(c)
	}
	return c.Conn.Close()
}

func (c *connection) SetReadDeadline(t time.Time) error  { return c.in.ask(t) }
func (c *connection) SetWriteDeadline(t time.Time) error { return c.out.ask(t) }
func (c *connection) SetDeadline(t time.Time) error {
	return errors.Join(c.in.ask(t), c.out.ask(t))
}

type connectionKey struct{}

// withConnection is the server's ConnContext hook.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf is what a request came over; nil if that is none of ours.
func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// spoil has the connection of a request end with its answer.
func spoil(r *http.Request) {
	if c := connectionOf(r); c != nil {
		c.spoilt.Store(true)
	}
}
