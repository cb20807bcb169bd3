package upstream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// fresh is how recently a connection must have been in use to be trusted with a request that
// cannot be sent again: backends close idle ones after seconds, not after less.
const fresh = time.Second

// idle are the connections that wait for a request, the last used at the end.
type idle struct {
	mu      sync.Mutex
	conns   []*conn
	drained bool
	sweep   *time.Timer // runs while there are conns; one for all of them
}

// take returns a kept connection that shows no sign of an end, or a new one. once: the request
// cannot be sent again.
func (h *Host) take(ctx context.Context, once bool) (*conn, error) {
	for {
		c := h.idle.pop(once)
		if c == nil {
			return h.open(ctx)
		}
		if c.quiet() {
			return c, nil
		}
		c.Close()
	}
}

func (i *idle) pop(once bool) *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.conns) - 1
	if last < 0 || once && time.Since(i.conns[last].used) > fresh {
		return nil
	}
	c := i.conns[last]
	i.conns[last] = nil
	i.conns = i.conns[:last]
	return c
}

// keep takes a connection back after a whole exchange, or closes it.
func (h *Host) keep(c *conn) {
	c.kept, c.used = true, time.Now()
	if !h.idle.push(c, h.opt.MaxIdle, h.opt.IdleTimeout) {
		c.Close()
	}
}

func (i *idle) push(c *conn, limit int, timeout time.Duration) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drained || len(i.conns) >= limit {
		return false
	}
	i.conns = append(i.conns, c)
	if i.sweep == nil {
		i.sweep = time.AfterFunc(timeout, func() { i.expire(timeout) })
	}
	return true
}

// expire closes the connections that were not used for so long, and looks again when the next one's
// time has come.
func (i *idle) expire(timeout time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 0
	for n < len(i.conns) && time.Since(i.conns[n].used) >= timeout {
		i.conns[n].sever()
		n++
	}
	i.conns = slices.Delete(i.conns, 0, n)
	if len(i.conns) == 0 {
		i.sweep = nil
		return
	}
	i.sweep.Reset(timeout - time.Since(i.conns[0].used))
}

// drain closes all and keeps none any more.
func (i *idle) drain() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.drained = true
	for _, c := range i.conns {
		c.sever()
	}
	i.conns = nil
	if i.sweep != nil {
		i.sweep.Stop()
	}
}
