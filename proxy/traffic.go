package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/proxy/accesslog"
	"github.com/fairlead-proxy/fairlead/proxy/forward"
	"github.com/fairlead-proxy/fairlead/proxy/route"
)

// traffic makes the handler of an entry point that takes clients' requests.
func (p *Proxy) traffic(c configs.EntryPoint) func(*entryPoint) http.Handler {
	policy := forward.Policy{
		Trust:    forward.Trust{Everybody: c.ForwardedHeaders.Insecure, Prefixes: c.ForwardedHeaders.TrustedIPs},
		Server:   p.host,
		Upgrades: c.Upgrades,
		Via:      c.Via,
	}
	return func(e *entryPoint) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.active.InFlight(1)
			defer e.active.InFlight(-1)
			rec := forward.NewRecord(r, time.Now())
			rec.Leave = e.ending.Load()
			defer p.done(e, r, rec, w.(tally))
			if p.isLeaving() || e.ebbing.Load() {
				w.Header()["Connection"] = []string{"close"}
			}
			if r.ContentLength < 0 {
				r.Body = trailing{r.Body, r, rec}
			}
			if err := fit(r, rec, policy); err != nil {
				forward.Refuse(w, rec, err)
				return
			}
			p.dispatch(e.name, w, r, rec)
		})
	}
}

// refuse answers what the server takes for no request. It is counted and logged as requests are.
func (p *Proxy) refuse(e *entryPoint) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		rec := forward.NewRecord(r, time.Now())
		rec.Peer = forward.PeerOf(r)
		defer p.done(e, r, rec, w.(tally))
		forward.Refuse(w, rec, err)
	}
}

// trailing is a body that makes the trailers fit which come at its end.
type trailing struct {
	io.ReadCloser
	r   *http.Request
	rec *forward.Record
}

func (b trailing) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.rec.Trailers(b.r.Trailer)
	}
	return n, err
}

// tally is what the server knows of an answer.
type tally interface {
	Status() int // 0: there was none
	BytesIn() int64
	BytesOut() int64
}

// fit makes a request fit for rules and backends, or says why it is refused.
func fit(r *http.Request, rec *forward.Record, p forward.Policy) error {
	if err := normalize(r); err != nil {
		return err
	}
	return forward.Received(r, rec, p)
}

// dispatch hands a request to its route.
func (p *Proxy) dispatch(entryPoint string, w http.ResponseWriter, r *http.Request, rec *forward.Record) {
	table := p.awaitTable(r)
	if table == nil {
		forward.Refuse(w, rec, forward.ErrStarting)
		return
	}
	matched := table.Match(entryPoint, r)
	if matched == nil {
		forward.Refuse(w, rec, forward.ErrNoRouter)
		return
	}
	rec.Router = matched.Router
	matched.Handler.ServeHTTP(w, forward.WithRecord(r, rec))
}

// awaitTable is the table in force. Before the first one a request waits as it would for a
// backend: a proxy that has just started knows its cluster in a moment.
func (p *Proxy) awaitTable(r *http.Request) *route.Table {
	if t := p.table.Load(); t != nil {
		return t
	}
	timer := time.NewTimer(p.opt.Config.Hold.Timeout)
	defer timer.Stop()
	select {
	case <-p.first:
	case <-timer.C:
	case <-r.Context().Done():
	}
	return p.table.Load()
}

// done counts and logs a request that has ended, also one that was cut off by a panic.
func (p *Proxy) done(e *entryPoint, r *http.Request, rec *forward.Record, out tally) {
	took := time.Since(rec.Start)
	if rec.Observer == nil {
		rec.Observer = p.unmatched
	}
	rec.Observer.Answered(out.Status(), took)
	if rec.Err != nil && !errors.Is(rec.Err, forward.ErrNoRouter) {
		p.logFailure(e, rec, out.Status(), took)
	}
	if p.opt.AccessLog != nil {
		p.logAccess(e, r, rec, out, took)
	}
}

// logFailure says why a request was not answered as a backend would have answered it. That a
// client left is nobody's failure here.
func (p *Proxy) logFailure(e *entryPoint, rec *forward.Record, status int, took time.Duration) {
	level := zerolog.WarnLevel
	if forward.ClientLeft(rec.Err) {
		level = zerolog.DebugLevel
	}
	p.opt.Log.WithLevel(level).Str("request", rec.RequestID()).Str("entry_point", e.name).Str("method", rec.Method).
		Str("host", rec.Host).Str("target", rec.Target).Str("router", rec.Router).Str("service", rec.Service).
		Str("task", rec.Task.Name).Str("node", rec.Task.Node).Int("status", status).Int("retries", rec.Retries).
		Dur("held", rec.Held).Dur("took", took).Err(rec.Err).Msg("request failed")
}

// logAccess writes the request's line.
func (p *Proxy) logAccess(e *entryPoint, r *http.Request, rec *forward.Record, out tally, took time.Duration) {
	p.opt.AccessLog.Log(&accesslog.Record{
		Start: rec.Start, Client: rec.Peer, Method: rec.Method, Host: rec.Host, Target: rec.Target, Proto: r.Proto,
		UserAgent: r.UserAgent(), Referer: r.Referer(), Status: out.Status(), BytesIn: out.BytesIn(), BytesOut: out.BytesOut(),
		Duration: took, BackendDuration: rec.Waited, EntryPoint: e.name, Router: rec.Router, Service: rec.Service,
		Task: rec.Task, Retries: rec.Retries, Why: rec.Why, Moved: rec.Moved, Held: rec.Held, RequestID: rec.ID, Ended: rec.Ended, Err: rec.Err,
	})
}
