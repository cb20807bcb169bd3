package balancer

import (
	"cmp"
	"context"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Traefik's defaults, for probes that leave them out.
const (
	probeInterval = 30 * time.Second
	probeTimeout  = 5 * time.Second
)

// examine runs a backend's active probe, at once and then at its interval. Until it has
// passed once it is repeated faster: a task that boots should not wait out an interval.
func (c *Checks) examine(ctx context.Context, b *Backend, t discovery.Task) {
	interval := cmp.Or(max(t.Probe.Interval, 0), probeInterval)
	unhealthy := cmp.Or(max(t.Probe.UnhealthyInterval, 0), interval)
	passed := false
	var boot time.Duration
	for {
		err := c.probeOnce(ctx, t)
		if ctx.Err() != nil {
			return
		}
		passed = passed || err == nil
		pause := interval
		if err != nil {
			pause = unhealthy
		}
		if !passed {
			boot = min(max(2*boot, firstPause), lastPause)
			pause = min(pause, boot)
		}
		c.conclude(b, passed, err)
		if !sleep(ctx, pause) {
			return
		}
	}
}

// conclude gives a probe's result to the backend. Of one that boots, its port still
// closed, nothing else is to be expected, and nothing is said.
func (c *Checks) conclude(b *Backend, passed bool, err error) {
	switch {
	case err == nil:
		if b.judge(passing, nil) {
			c.report(b, ProbeRecovered, nil)
		}
	case !passed && !b.now().has(isProven):
	case b.judge(failing, err):
		c.report(b, ProbeFailed, err)
	}
}

func (c *Checks) probeOnce(ctx context.Context, t discovery.Task) error {
	ctx, stop := context.WithTimeout(ctx, cmp.Or(max(t.Probe.Timeout, 0), probeTimeout))
	defer stop()
	return c.probe(ctx, t)
}
