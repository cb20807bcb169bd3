package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// requestContext is the context of requests that come one after the other, as long as nobody takes
// its channel.
type requestContext struct {
	mu    sync.Mutex
	done  chan struct{} // made when somebody asks
	err   error
	after []*hook

	key, value any
}

// Deadline implements context.Context. There is none.
func (*requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *requestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	if c.key != nil && c.key == key {
		return c.value
	}
	return nil
}

// Put gives the context its one value, until the request ends: what context.WithValue does, without
// a copy of the request.
func (c *requestContext) Put(key, value any) { c.key, c.value = key, value }

// hook is what is to be called when a context is cancelled.
type hook struct {
	c *requestContext
	f func()
}

// AfterFunc has f called in a goroutine of its own when the context is cancelled. stop prevents it, and
// reports whether it did. Unlike context.AfterFunc it needs no channel.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	h := &hook{c, f}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
	} else {
		c.after = append(c.after, h)
	}
	return h.stop
}

func (h *hook) stop() bool {
	c := h.c
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.after, h)
	if i < 0 {
		return false
	}
	c.after = slices.Delete(c.after, i, i+1)
	return true
}

// cancel ends the context: the client has left, or its request is over.
func (c *requestContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	for _, h := range c.after {
		go h.f()
	}
	c.after = nil
}

// again makes the context fit for the next request, or reports that it is not: somebody
// may hold on to it.
func (c *requestContext) again() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.value = nil, nil
	return c.err == nil && c.done == nil && len(c.after) == 0
}
