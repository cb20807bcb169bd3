package server

import (
	"syscall"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// restAfter is how long a goroutine that has answered a request waits for the next one.
const restAfter = time.Second

// await waits for the first bytes of a request, which may be there already.
func (c *conn) await() bool {
	if c.x != nil && c.x.hasMore() {
		return true
	}
	wait := c.server.Limits.Idle
	if c.state.Load() == fresh {
		c.in.allow(0, c.headBy)
	} else {
		c.headBy = time.Time{}
		c.state.Store(idle)
		c.server.conns.mayHaveRoom(c)
		if c.grown && (wait <= 0 || wait > restAfter) {
			wait = restAfter
		}
		c.in.allow(wait, time.Time{})
	}
	if c.x != nil {
		c.x.release()
	}
	if !c.readSome() || c.parted.Load() {
		c.rests = c.grown && wait == restAfter && timedOut(c.firstErr) && !c.parted.Load()
		return !c.rests && c.part()
	}
	if !c.state.CompareAndSwap(fresh, active) && !c.state.CompareAndSwap(idle, active) {
		return false
	}
	c.lend()
	return true
}

// readSome reads what comes first into a page that it takes when it comes.
func (c *conn) readSome() bool {
	if c.raw == nil {
		c.first = wire.Pages.Get().(*wire.Page)
		c.firstRead, c.firstErr = c.Conn.Read(c.first[:])
	} else if c.firstErr = c.raw.Read(c.ready); c.firstErr != nil {
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
	c.first, c.firstRead = page, max(n, 0)
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
	if c.parted.Load() {
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
