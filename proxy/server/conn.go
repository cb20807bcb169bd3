package server

import (
	"errors"
	"io"
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
	c.in.set, c.out.set = socket.SetReadDeadline, socket.SetWriteDeadline
	if sc, ok := socket.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw, c.ready = raw, c.readFirst
		}
	}
	return c
}

// serve answers one request after the other.
func (c *conn) serve() {
	defer c.server.conns.ending.Done()
	defer c.end()
	c.headBy = after(time.Now(), c.server.Limits.Head)
	for c.await() && c.x.serve() {
	}
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

// await waits for the first bytes of a request, which may be there already.
func (c *conn) await() bool {
	if c.x != nil && c.x.hasMore() {
		return true
	}
	if c.state.Load() == fresh {
		c.in.allow(0, c.headBy)
	} else {
		c.headBy = time.Time{}
		c.state.Store(idle)
		c.server.conns.mayHaveRoom(c)
		c.in.allow(c.server.Limits.Idle, time.Time{})
	}
	if c.x != nil {
		c.x.release()
	}
	if !c.readSome() || c.parted.Load() {
		return c.part()
	}
	if !c.state.CompareAndSwap(fresh, active) && !c.state.CompareAndSwap(idle, active) {
		return false
	}
	c.lend()
	return c.x.hasMore() || c.await()
}

// readSome reads what comes first into a page that it takes when it comes.
func (c *conn) readSome() bool {
	if c.raw == nil {
		c.first = wire.Pages.Get().(*wire.Page)
		c.firstRead, c.firstErr = c.Conn.Read(c.first[:])
	} else if err := c.raw.Read(c.ready); err != nil {
		return false
	}
	if c.firstRead > 0 {
		return true
	}
	if c.first != nil {
		wire.Pages.Put(c.first)
		c.first = nil
	}
	return false
}

// readFirst is called when there may be something to read, and reports whether there was.
func (c *conn) readFirst(fd uintptr) bool {
	page := wire.Pages.Get().(*wire.Page)
	n, err := ignoringEINTR(int(fd), page[:])
	if err == syscall.EAGAIN {
		wire.Pages.Put(page)
		return false
	}
	c.first, c.firstRead, c.firstErr = page, max(n, 0), err
	return true
}

func ignoringEINTR(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// part waits for the end of a client that was said goodbye to.
func (c *conn) part() bool {
	if c.parted.Load() && c.firstErr == nil {
		c.linger()
	}
	return false
}

// lingering is how long a client may still send what nobody reads.
const lingering = 500 * time.Millisecond

// linger closes for writing and reads on until the client has closed, too, or for a moment: what the kernel
// has and nobody read would become a reset, which may overtake the answer.
func (c *conn) linger() {
	if closeWrite(c.Conn) != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingering))
	page := wire.Pages.Get().(*wire.Page)
	defer wire.Pages.Put(page)
	for {
		if _, err := c.Conn.Read(page[:]); err != nil {
			return
		}
	}
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

var _ io.Reader = (*conn)(nil)
