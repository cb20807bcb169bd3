package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// conn is a client's connection. While it has no request it holds no buffer, and hardly anything else.
type conn struct {
	net.Conn
	server *Server
	remote string
	raw    syscall.RawConn // nil: bytes cannot be awaited without a buffer
	ready  func(fd uintptr) bool

	place int        // among the server's connections
	peer  netip.Addr // what it is counted under; not valid if it is not
	state atomic.Int32
	close sync.Once

	grown bool // its goroutine has answered a request
	rests bool // its goroutine has waited for another one for a while

	in, out   deadline
	phase     phase     // what is read
	headBy    time.Time // when the head must be there
	readBy    time.Time // when the whole request must be; zero: no bound
	writeBy   time.Time // when the whole answer must be written
	x         *exchange // while there is a request
	first     *wire.Page
	firstRead int
	firstErr  error

	ctx    atomic.Pointer[requestContext] // of the request under way, or the last
	parted atomic.Bool                    // we said goodbye
}

// States of a connection.
const (
	fresh   int32 = iota // it has had no request
	active               // it has one
	idle                 // it has had one
	evicted              // it makes room for another
	taken                // by a handler
)

// phase is what comes next from a client.
type phase uint8

const (
	nothing phase = iota // that we wait for
	inHead
	inBody
)

func newConn(s *Server, socket net.Conn) *conn {
	c := &conn{Conn: socket, server: s, remote: socket.RemoteAddr().String()}
	c.headBy = after(time.Now(), s.Limits.Head)
	c.in.set, c.out.set = socket.SetReadDeadline, socket.SetWriteDeadline
	if sc, ok := socket.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw, c.ready = raw, c.readFirst
		}
	}
	return c
}

// serve answers one request after the other. A connection that rests goes on in a goroutine of its own, whose
// stack has not grown by what a request calls.
func (c *conn) serve() {
	for c.await() && c.x.serve() {
		c.grown = true
	}
	if c.rests {
		c.grown, c.rests = false, false
		go c.serve()
		return
	}
	c.end()
	c.server.conns.ending.Done()
}

// end closes the connection, unless a handler has taken it.
func (c *conn) end() {
	if c.x != nil {
		c.x.release()
	}
	if c.state.Load() != taken {
		_ = c.Close()
	}
}

// Close ends the connection for whoever has it.
func (c *conn) Close() error {
	c.close.Do(func() { c.server.conns.remove(c) })
	return c.Conn.Close()
}

// abort ends the connection and cancels the request that is under way.
func (c *conn) abort() {
	if ctx := c.ctx.Load(); ctx != nil {
		ctx.cancel()
	}
	c.Conn.Close()
}

// evict closes a connection that has no request. Its client sees the same as after the idle time-out.
func (c *conn) evict() bool {
	if !c.state.CompareAndSwap(idle, evicted) {
		return false
	}
	_ = c.Close()
	return true
}

// goodbye closes the connection for writing. What its client sends nevertheless is left alone: it may
// send it again elsewhere.
func (c *conn) goodbye() {
	c.parted.Store(true)
	_ = closeWrite(c.Conn) // it may be gone already
}

// Read reads more of a request, within the time that its part may take.
func (c *conn) Read(p []byte) (int, error) {
	switch c.phase {
	case inHead:
		c.in.allow(0, c.headBy)
	case inBody:
		c.in.allow(c.server.Limits.Silence, c.readBy)
	}
	return c.Conn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	c.out.allow(c.server.Limits.Silence, c.writeBy)
	return c.Conn.Write(p)
}

// writeAll writes several pieces by one call.
func (c *conn) writeAll(pieces *net.Buffers) error {
	c.out.allow(c.server.Limits.Silence, c.writeBy)
	_, err := pieces.WriteTo(c.Conn)
	return err
}

// closeWrite says that no more will be written.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// after is when a time that begins now is over; never if there is no bound.
func after(now time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// earlier is the earlier one of two bounds.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
