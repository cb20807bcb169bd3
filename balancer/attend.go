package balancer

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// firstPause and lastPause bound the growing back-off of dials to an ejected backend.
	firstPause = 250 * time.Millisecond
	lastPause  = 8 * time.Second
	// bootPause bounds it for a task whose port never accepted yet: it is starting, and
	// requests may be waiting for nothing else.
	bootPause = time.Second
	// dialTimeout is for a packet that is lost once and sent again after a second.
	dialTimeout = 2 * time.Second
)

// attend dials a backend while there is doubt whether its port accepts: at once for a new
// task without a health check, after a pause when a request's dial failed, and then with
// growing back-off.
func (c *Checks) attend(ctx context.Context, b *Backend) {
	out := false // was reported as ejected
	var pause time.Duration
	for {
		now := b.now()
		if !now.has(isDoubted) || !now.has(isRunning) {
			select {
			case <-ctx.Done():
				return
			case <-b.doubt:
			}
			pause = 0
			if b.now().has(isProven) {
				pause = firstPause // not at once: what broke the first dial would break this one
			}
			continue
		}
		if !sleep(ctx, pause) {
			return
		}
		out = c.tell(b, out)
		if !b.now().has(isDoubted) { // a request was answered meanwhile
			continue
		}
		err := c.dialOnce(ctx, b)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			b.accepted()
		} else {
			b.refused(err)
		}
		out = c.tell(b, out)
		pause = longer(pause, b.now())
	}
}

// tell reports an ejection or its end, if that is news.
func (c *Checks) tell(b *Backend, out bool) bool {
	ejected := b.now().has(isEjected)
	switch {
	case ejected && !out:
		c.report(b, Ejected, b.trouble())
	case !ejected && out:
		c.report(b, Readmitted, nil)
	}
	return ejected
}

func (c *Checks) dialOnce(ctx context.Context, b *Backend) error {
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	return c.dial(ctx, b.task.Address)
}

// longer is the pause after the one that was.
func longer(pause time.Duration, c condition) time.Duration {
	limit := lastPause
	if !c.has(isProven) {
		limit = bootPause
	}
	return min(max(2*pause, firstPause), limit)
}

// sleep waits about d, a tenth more or less, so that what began together doesn't stay
// together. It returns false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
