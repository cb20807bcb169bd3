package balancer

import (
	"sync/atomic"
	"time"
)

// hub is what lives across Sets: a clock that never jumps, and the news that a held
// request waits for.
type hub struct {
	epoch time.Time

	news atomic.Pointer[chan struct{}]
}

func newHub() *hub {
	h := &hub{epoch: time.Now()}
	c := make(chan struct{})
	h.news.Store(&c)
	return h
}

// now is the time since the hub was made, by the monotonic clock: the wall clock may jump.
func (h *hub) now() time.Duration { return time.Since(h.epoch) }

func (h *hub) changed() <-chan struct{} { return *h.news.Load() }

func (h *hub) notify() {
	c := make(chan struct{})
	close(*h.news.Swap(&c))
}
