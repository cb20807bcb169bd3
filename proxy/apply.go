package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/route"
)

// apply makes a snapshot the one in force. The order matters: build aside, let what runs now take
// requests, store, and only then let what left begin to drain and what is new start its probes, so
// that no request meets a drained backend in a table that has no other.
func (p *Proxy) apply(s discovery.Snapshot) {
	previous := p.table.Load()
	table, problems := route.Compile(s, previous, p.compile)
	table.Backends.Adopt(func() { p.table.Store(table) })
	p.checks.Watch(table.Backends)
	p.problems.replace(problems)
	p.nodes.Store(&s.Nodes)
	p.metrics.Keep(table.ServiceNames())
	if previous == nil {
		close(p.first)
	}
	if s.Leaving {
		p.beginLeaving("the cluster stops this task")
	}
}

// beginLeaving ends readiness; requests are still answered.
func (p *Proxy) beginLeaving(why string) {
	p.leave.Do(func() {
		p.opt.Log.Info().Str("why", why).Msg("leaving: answering with Connection: close from now on")
		close(p.leaving)
	})
}

func (p *Proxy) isLeaving() bool {
	select {
	case <-p.leaving:
		return true
	default:
		return false
	}
}

// checked reports what the checks found out.
func (p *Proxy) checked(b *balancer.Backend, e balancer.Event, err error) {
	t := b.Task()
	level := zerolog.InfoLevel
	if e == balancer.ProbeFailed || e == balancer.Ejected {
		level = zerolog.WarnLevel
	}
	p.opt.Log.WithLevel(level).Str("task", t.Name).Str("task_id", t.ID).Str("node", t.Node).
		Str("address", b.Identity().Address.HostPort).AnErr("error", err).Msg(e.String())
}

// problems are those in force. They are logged when they appear and when they go.
type problems struct {
	log zerolog.Logger
	mu  sync.Mutex
	now []discovery.Problem
}

// list is what is wrong at the moment. It must not be written to.
func (ps *problems) list() []discovery.Problem {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.now
}

func (ps *problems) replace(next []discovery.Problem) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range missing(next, ps.now) {
		ps.log.Warn().Str("subject", p.Subject).Str("label", p.Label).Str("wrong", p.Wrong).Str("cure", p.Cure).Msg("problem")
	}
	for _, p := range missing(ps.now, next) {
		ps.log.Info().Str("subject", p.Subject).Str("label", p.Label).Str("wrong", p.Wrong).Msg("problem is gone")
	}
	ps.now = next
}

// missing are the problems of a that b lacks.
func missing(a, b []discovery.Problem) []discovery.Problem {
	has := make(map[discovery.Problem]bool, len(b))
	for _, p := range b {
		has[p] = true
	}
	var out []discovery.Problem
	for _, p := range a {
		if !has[p] {
			out = append(out, p)
		}
	}
	return out
}

// logServices tells how many backends of each service are in what state, whenever that has
// changed, until ctx ends. Changes that come together make one line.
func (p *Proxy) logServices(ctx context.Context) error {
	select {
	case <-p.first:
	case <-ctx.Done():
	}
	const together = 100 * time.Millisecond
	var before map[string]counts
	for ctx.Err() == nil {
		set := p.table.Load().Backends
		changed := set.Changed()
		now := map[string]counts{}
		for _, s := range set.Status() {
			now[s.Service] = count(s)
		}
		logCounts(p.opt.Log, now, before)
		before = now
		select {
		case <-changed:
			sleep(ctx, together)
		case <-ctx.Done():
		}
	}
	return nil
}

func logCounts(log zerolog.Logger, now, before map[string]counts) {
	for service, c := range now {
		if old, known := before[service]; !known || old != c {
			log.Info().Str("service", service).Int("ready", c.ready).Int("starting", c.starting).
				Int("draining", c.draining).Int("out_of_service", c.out).Msg("tasks")
		}
	}
	for service := range before {
		if _, still := now[service]; !still {
			log.Info().Str("service", service).Msg("service is gone")
		}
	}
}

// counts are how many backends of a service are in what state.
type counts struct{ ready, starting, draining, out int }

func count(s balancer.PoolStatus) counts {
	c := counts{ready: s.Ready}
	for _, b := range s.Backends {
		switch b.State {
		case "ready":
		case "starting", "unproven":
			c.starting++
		case "draining":
			c.draining++
		default:
			c.out++
		}
	}
	return c
}
