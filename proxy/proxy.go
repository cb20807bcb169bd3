// Package proxy puts the rooms together: it takes snapshots from a source, makes tables of
// them, and answers what comes to the entry points by the table of the moment.
package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/accesslog"
	"github.com/fairlead-proxy/fairlead/proxy/admin"
	"github.com/fairlead-proxy/fairlead/proxy/forward"
	"github.com/fairlead-proxy/fairlead/proxy/route"
	"github.com/fairlead-proxy/fairlead/proxy/upstream"
	"github.com/fairlead-proxy/fairlead/sticky"
)

// Options of a Proxy.
type Options struct {
	Config *configs.Config
	Source discovery.Source
	// Status tells how fresh the source's knowledge is.
	Status func() discovery.Status
	// Keys sign session cookies; nil: derived from the cluster's id.
	Keys      *sticky.Keys
	AccessLog *accesslog.Writer // nil: none
	Log       zerolog.Logger
	Version   string
}

// A Proxy serves requests from Run's begin to its end. It runs once.
type Proxy struct {
	opt     Options
	host    string // this proxy's host name
	table   atomic.Pointer[route.Table]
	first   chan struct{} // closed when there is a table
	leave   sync.Once
	leaving chan struct{} // closed when the proxy has been told to go

	compile   route.Options
	forwarder *forward.Forwarder
	checks    *balancer.Checks
	metrics   *admin.Metrics
	unmatched forward.Observer // of requests that no router takes
	problems  problems
	nodes     atomic.Pointer[[]discovery.Node]
	troubles  troubles
	goodbyes  *goodbyes
	entries   []*entryPoint
	admin     *entryPoint
}

// New makes a proxy. It listens on its entry points at once, so that a port which is taken is
// found out before anything else happens, and connections wait until Run.
func New(o Options) (*Proxy, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	p := &Proxy{opt: o, host: host, first: make(chan struct{}), leaving: make(chan struct{})}
	p.problems.log, p.troubles.log = o.Log, o.Log
	p.nodes.Store(new([]discovery.Node))
	p.problems.log = o.Log
	p.goodbyes = newGoodbyes(o.Log)
	p.metrics = admin.NewMetrics(o.Version, p.gauges())
	p.unmatched = p.metrics.Service("")
	p.forwarder = forward.New(forward.Options{
		Service:      func(name string) *forward.Service { return p.table.Load().Service(name) },
		Changed:      func() <-chan struct{} { return p.table.Load().Backends.Changed() },
		HoldTime:     o.Config.Hold.Timeout,
		HoldRequests: o.Config.Hold.Requests,
		Told:         p.goodbyes.add,
	})
	transport := upstreamOptions(o.Config.ServersTransport)
	p.checks = balancer.NewChecks(prober(transport.TLS), dialer(transport.DialTimeout), p.checked)
	p.compile = route.Options{
		Default: o.Config.DefaultEntryPoints(),
		Keys:    p.keys,
		Balancer: balancer.Options{Link: func(t discovery.Task) balancer.Link {
			return upstream.New(t.Address, transport)
		}},
		Forward:  p.forwarder.Handler,
		Observer: func(service string) forward.Observer { return p.metrics.Service(service) },
	}
	return p, p.listen()
}

// listen opens all entry points, or none.
func (p *Proxy) listen() error {
	for _, c := range p.opt.Config.EntryPoints {
		p.compile.EntryPoints = append(p.compile.EntryPoints, c.Name)
		e, err := p.newEntryPoint(c, p.traffic(c))
		if err != nil {
			p.close()
			return err
		}
		p.entries = append(p.entries, e)
	}
	var err error
	if p.admin, err = p.newEntryPoint(p.opt.Config.Admin, p.adminHandler()); err != nil {
		p.close()
	}
	return err
}

func (p *Proxy) close() {
	for _, e := range p.entries {
		e.ln.Close()
	}
}

// Addr is where the entry point of the name listens, nil if there is none.
func (p *Proxy) Addr(entryPoint string) net.Addr {
	for _, e := range append(p.entries, p.admin) {
		if e.name == entryPoint {
			return e.ln.Addr()
		}
	}
	return nil
}

// Run serves until ctx ends and what was under way has finished, within the bounds of the
// lifecycle options. It returns nil then, and an error if the source or an entry point cannot
// work.
func (p *Proxy) Run(ctx context.Context) error {
	// The source and the checks go on until the last request has been answered: a request that
	// must try again while we leave needs them as much as any other.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, inner := errgroup.WithContext(inner)
	g.Go(func() error { return p.opt.Source.Run(inner, p.apply) })
	g.Go(func() error { return p.checks.Run(inner) })
	g.Go(func() error { return p.logServices(inner) })
	g.Go(func() error { return p.diagnose(inner) })
	g.Go(func() error { return p.goodbyes.log(inner) })
	g.Go(func() error { return p.admin.serve(inner) })
	for _, e := range p.entries {
		g.Go(func() error {
			if !p.awaitTurn(inner, e) {
				return nil
			}
			return e.serve(inner)
		})
		if e.door != nil {
			g.Go(func() error { return e.door.Run(inner) })
		}
	}
	g.Go(func() error {
		select {
		case <-ctx.Done():
			p.exit(inner)
		case <-inner.Done(): // something failed
		}
		stop()
		return nil
	})
	return g.Wait()
}

// awaitTurn waits until the entry point may accept, and is false if that will not be. At a door it is when there is
// a table: until then others of this node that have one take the connections, or these wait in the socket.
func (p *Proxy) awaitTurn(ctx context.Context, e *entryPoint) bool {
	if e.door == nil {
		return true
	}
	select {
	case <-p.first:
		return true
	case <-ctx.Done():
		return false
	}
}

// keys are what signs cookies in the cluster of the id.
func (p *Proxy) keys(cluster string) sticky.Keys {
	if p.opt.Keys != nil {
		return *p.opt.Keys
	}
	return sticky.KeysFromCluster(cluster)
}

func upstreamOptions(t configs.ServersTransport) *upstream.Options {
	return &upstream.Options{
		DialTimeout:           bound(t.DialTimeout),
		ResponseHeaderTimeout: t.ResponseHeaderTimeout,
		IdleTimeout:           bound(t.IdleConnTimeout),
		MaxIdle:               t.MaxIdleConnsPerHost,
		TLS:                   &tls.Config{InsecureSkipVerify: t.InsecureSkipVerify},
	}
}

// bound is a time-out for the upstream, to which 0 means its default rather than no bound.
func bound(d time.Duration) time.Duration {
	if d == 0 {
		return math.MaxInt64 / 2
	}
	return d
}
