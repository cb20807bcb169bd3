package proxy

import (
	"errors"
	"fmt"
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
			rec.Leave = forward.Leave{Begun: e.ending, Grace: c.Lifecycle.GraceTimeout}
			out := &response{ResponseWriter: w}
			in := &body{ReadCloser: r.Body, r: r, rec: rec}
			if r.ContentLength != 0 {
				r.Body = in
			}
			defer p.done(e, r, rec, out, in)
			if c := connectionOf(r); c != nil {
				rec.Client = c
				if c.spoilt.Load() {
					panic(http.ErrAbortHandler) // this is the rest of a body, not a request
				}
				if c.tunnel.Load() { // if it becomes none the guard has lost the thread
					w.Header()["Connection"] = []string{"close"}
				}
			}
			if p.isLeaving() {
				w.Header()["Connection"] = []string{"close"}
			}
			if err := fit(r, rec, c.MaxHeaders, policy); err != nil {
				forward.Refuse(out, rec, err)
				return
			}
			p.dispatch(e.name, out, r, rec)
			if r.ContentLength != 0 && r.ProtoMajor == 1 && !in.finish(out) {
				spoil(r)
			}
		})
	}
}

// fit makes a request fit for rules and backends, or says why it is refused.
func fit(r *http.Request, rec *forward.Record, maxFields int, p forward.Policy) error {
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if fields > maxFields {
		return fmt.Errorf("%w: %d of them", forward.ErrTooManyFields, fields)
	}
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
	matched.Handler.ServeHTTP(w, r.WithContext(forward.WithRecord(r.Context(), rec)))
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
func (p *Proxy) done(e *entryPoint, r *http.Request, rec *forward.Record, out *response, in *body) {
	took := time.Since(rec.Start)
	if rec.Observer == nil {
		rec.Observer = p.unmatched
	}
	rec.Observer.Answered(out.status, took)
	if rec.Err != nil && !errors.Is(rec.Err, forward.ErrNoRouter) {
		p.logFailure(e, rec, out.status, took)
	}
	if p.opt.AccessLog != nil {
		p.logAccess(e, r, rec, out, in, took)
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
func (p *Proxy) logAccess(e *entryPoint, r *http.Request, rec *forward.Record, out *response, in *body, took time.Duration) {
	p.opt.AccessLog.Log(&accesslog.Record{
		Start: rec.Start, Client: rec.Peer, Method: rec.Method, Host: rec.Host, Target: rec.Target, Proto: r.Proto,
		UserAgent: r.UserAgent(), Referer: r.Referer(), Status: out.status, BytesIn: in.bytes.Load(), BytesOut: out.bytes,
		Duration: took, BackendDuration: rec.Waited, EntryPoint: e.name, Router: rec.Router, Service: rec.Service,
		Task: rec.Task, Retries: rec.Retries, Why: rec.Why, Moved: rec.Moved, Held: rec.Held, RequestID: rec.ID, Ended: rec.Ended, Err: rec.Err,
	})
}
