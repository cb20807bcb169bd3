package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/proxy/admin"
	"github.com/fairlead-proxy/fairlead/proxy/door"
	"github.com/fairlead-proxy/fairlead/proxy/forward"
	"github.com/fairlead-proxy/fairlead/proxy/server"
)

// An entryPoint is a listening address with its server.
type entryPoint struct {
	name   string
	config configs.EntryPoint
	ln     net.Listener
	door   *door.Listener // what ln accepts from; nil if the proxy listens itself
	server *server.Server
	active *admin.EntryPointMetrics

	ebbing atomic.Bool                   // answers end their connections, though the proxy does not leave
	ending atomic.Pointer[forward.Leave] // of what comes now
}

func (p *Proxy) newEntryPoint(c configs.EntryPoint, h func(*entryPoint) http.Handler) (*entryPoint, error) {
	log := p.opt.Log.With().Str("entry_point", c.Name).Logger()
	e := &entryPoint{name: c.Name, config: c, active: p.metrics.EntryPoint(c.Name)}
	e.ending.Store(forward.NewLeave())
	var err error
	if e.ln, err = e.listen(log); err != nil {
		return nil, err
	}
	if e.door != nil {
		e.door.Going = e.yield
	}
	e.server = &server.Server{Handler: h(e), Refuse: p.refuse(e), Limits: limitsOf(c), Log: log}
	return e, nil
}

func limitsOf(c configs.EntryPoint) server.Limits {
	return server.Limits{
		Connections: c.Limits.Connections,
		PerAddress:  c.Limits.PerAddress,
		Spared:      c.ForwardedHeaders.TrustedIPs,
		HeadBytes:   c.MaxHeaderBytes,
		Fields:      c.MaxHeaders,
		Head:        c.Limits.HeadTime,
		Read:        c.Timeouts.Read,
		Write:       c.Timeouts.Write,
		Idle:        c.Timeouts.Idle,
		Silence:     c.Limits.Silence,
		Tunnel:      c.Limits.TunnelIdle,
	}
}

// serve answers until ctx ends, or until end or close has ended the server.
func (e *entryPoint) serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, e.close)()
	err := e.server.Serve(e.ln)
	if err == nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("entry point %s: %w", e.name, err)
}

// close ends everything at once.
func (e *entryPoint) close() {
	e.ln.Close()
	e.server.Close()
}

// end lets requests finish: it goes on accepting for as long as the options say, then closes the
// listener, and everything once it has emptied.
func (e *entryPoint) end(ctx context.Context) {
	l := e.config.Lifecycle
	sleep(ctx, l.RequestAcceptGraceTimeout)
	deadline := time.Now().Add(l.GraceTimeout)
	e.stopAccepting(ctx)
	e.ending.Load().Begin(l.GraceTimeout / 2) // the other half is for goodbyes
	e.empty(ctx, min(idleGrace, l.GraceTimeout/2), deadline)
	e.close()
}

// stopAccepting closes the listener without the loss of a connection that was begun: to close it resets those in its queue. At a
// door they wait there for others, unless the door goes as well, as it does with a node.
func (e *entryPoint) stopAccepting(ctx context.Context) {
	if own, is := e.ln.(*net.TCPListener); is {
		_ = door.Deafen(own) // else some are reset
		sleep(ctx, door.Trip)
	} else if sleep(ctx, min(together, e.config.Lifecycle.GraceTimeout/4)); e.ebbing.Load() {
		e.door.LetGo(ctx)
	}
	e.ln.Close()
}

// yield is for a door that goes and takes the network of its connections along. It accepts while idle clients
// may send their next request, and is quick after that: until there is another door, clients are refused.
func (e *entryPoint) yield(ctx context.Context) {
	grace := e.config.Lifecycle.GraceTimeout
	deadline := time.Now().Add(grace)
	e.ebbing.Store(true)
	sleep(ctx, min(idleGrace, grace/2))
	e.door.LetGo(ctx)
	e.ending.Load().Begin(min(idleGrace, grace/4))
	e.empty(ctx, goodbye, deadline) // those that were accepted last have had no time for a request
	e.ending.Store(forward.NewLeave())
	e.ebbing.Store(false)
}

// empty is for an entry point that takes no more connections. It lets answers end their connections (each says
// Connection: close by now), says goodbye to idle ones after a while, and returns when none is left or
// the deadline has come.
func (e *entryPoint) empty(ctx context.Context, idle time.Duration, deadline time.Time) {
	idleUntil := time.Now().Add(idle)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		if e.server.Connections() == 0 && e.active.Count() == 0 {
			break
		}
		if time.Now().After(idleUntil) {
			e.server.CloseIdle()
			if e.active.Count() == 0 && time.Now().After(idleUntil.Add(goodbye)) {
				break
			}
		}
		sleep(ctx, tick)
	}
}

// Times of an entry point's end.
const (
	// together is how much later than the proxy a door may be told to stop, where both are.
	together = time.Second

	idleGrace = 2 * time.Second        // in which a client may still send its next request, and is told to close
	goodbye   = 500 * time.Millisecond // in which a client may close its side
	tick      = 10 * time.Millisecond
)

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// exit ends all entry points together, the admin one last: it tells how the others are.
func (p *Proxy) exit(ctx context.Context) {
	p.beginLeaving("asked to stop")
	done := make(chan struct{})
	for _, e := range p.entries {
		go func() {
			e.end(ctx)
			done <- struct{}{}
		}()
	}
	for range p.entries {
		<-done
	}
	p.admin.close()
}
