package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/proxy/admin"
	"github.com/fairlead-proxy/fairlead/proxy/door"
)

// An entryPoint is a listening address with its server.
type entryPoint struct {
	name   string
	config configs.EntryPoint
	ln     net.Listener
	door   *door.Listener // what ln accepts from; nil if the proxy listens itself
	server *http.Server
	conns  *connections
	active *admin.EntryPointMetrics
	cancel context.CancelFunc
	ending chan struct{} // closed when it takes no more connections
}

func (p *Proxy) newEntryPoint(c configs.EntryPoint, h func(*entryPoint) http.Handler) (*entryPoint, error) {
	log := p.opt.Log.With().Str("entry_point", c.Name).Logger()
	e := &entryPoint{name: c.Name, config: c, active: p.metrics.EntryPoint(c.Name), ending: make(chan struct{})}
	ln, err := e.listen(log)
	if err != nil {
		return nil, err
	}
	e.conns = newConnections(limitsOf(c), func() {
		log.Warn().Int("connections", c.Limits.Connections).Msg("too many connections: others wait until one of these ends")
	})
	e.ln = tracked{ln, e.conns}
	var base context.Context
	base, e.cancel = context.WithCancel(context.Background())
	e.server = &http.Server{
		Handler:           h(e),
		ReadHeaderTimeout: c.Limits.HeadTime,
		ReadTimeout:       c.Timeouts.Read,
		WriteTimeout:      c.Timeouts.Write,
		IdleTimeout:       c.Timeouts.Idle,
		MaxHeaderBytes:    c.MaxHeaderBytes,
		ConnState:         e.conns.changed,
		ConnContext:       withConnection,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          errorLog(log),
	}
	return e, nil
}

func limitsOf(c configs.EntryPoint) limits {
	return limits{
		connections: c.Limits.Connections,
		perAddress:  c.Limits.PerAddress,
		spared:      c.ForwardedHeaders.TrustedIPs,
		silence:     c.Limits.Silence,
		tunnelIdle:  c.Limits.TunnelIdle,
	}
}

// serve answers until ctx ends, or until end or close has ended the server.
func (e *entryPoint) serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, e.close)()
	err := e.server.Serve(e.ln)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("entry point %s: %w", e.name, err)
}

// close ends everything at once.
func (e *entryPoint) close() {
	e.server.Close() // first: what is cancelled would still be answered, as if the client had left
	e.cancel()
}

// end lets requests finish: it goes on accepting for as long as the options say, then closes the
// listener, has streams told to go, lets answers end their connections (each says Connection:
// close by now), says goodbye to idle connections last, and returns when none is left or time is up.
func (e *entryPoint) end(ctx context.Context) {
	l := e.config.Lifecycle
	sleep(ctx, l.RequestAcceptGraceTimeout)
	sleep(ctx, lastAccepts)
	e.ln.Close()
	close(e.ending)
	deadline := time.Now().Add(l.GraceTimeout)
	idleUntil := time.Now().Add(min(idleGrace, l.GraceTimeout/2))
	for time.Now().Before(deadline) && ctx.Err() == nil {
		if e.conns.count() == 0 && e.active.Count() == 0 {
			break
		}
		if time.Now().After(idleUntil) {
			e.conns.closeIdle()
			if e.active.Count() == 0 && time.Now().After(idleUntil.Add(goodbye)) {
				break
			}
		}
		sleep(ctx, tick)
	}
	e.close()
}

// Times of an entry point's end.
const (
	// lastAccepts is for connections that wait in the listener's queue: closing it resets them.
	lastAccepts = 50 * time.Millisecond

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

// errorLog is a log for net/http's server.
func errorLog(log zerolog.Logger) *stdlog.Logger { return stdlog.New(debugWriter{log}, "", 0) }

// debugWriter takes what net/http's server has to say: of broken clients, mostly.
type debugWriter struct{ log zerolog.Logger }

func (w debugWriter) Write(b []byte) (int, error) {
	n := len(b)
	if n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	level := zerolog.DebugLevel
	switch {
	case bytes.HasPrefix(b, []byte("http: panic")):
		level = zerolog.ErrorLevel
	case bytes.HasPrefix(b, []byte("http: Accept error")): // no more file descriptors, say
		level = zerolog.WarnLevel
	}
	w.log.WithLevel(level).Msg(string(b))
	return n, nil
}
