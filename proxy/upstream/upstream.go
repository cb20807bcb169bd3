// Package upstream speaks HTTP to one backend over connections of its own. Unlike net/http's
// Transport it knows what had been sent when something failed (Error.Stage), and it accepts only
// answers whose end cannot be disputed (RFC 9112 section 6).
package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Options of a Host. The zero value of each field stands for its default.
type Options struct {
	// DialTimeout is how long a new connection may take, its TLS handshake included; 3 s.
	DialTimeout time.Duration
	// ResponseHeaderTimeout is how long the answer's head may take once the request is sent in
	// full; 0: as long as it likes.
	ResponseHeaderTimeout time.Duration
	// IdleTimeout is how long a connection is kept without use; 90 s.
	IdleTimeout time.Duration
	// MaxIdle is how many unused connections are kept; 256.
	MaxIdle int
	// MaxHead is how many bytes all the heads of one answer may have, interim ones and trailers
	// included; 64 KiB.
	MaxHead int
	// TLS is for addresses of scheme https. ServerName is the address's host unless set.
	TLS *tls.Config
	// Dial opens a connection; nil: a net.Dialer does. A connection without a descriptor
	// (syscall.Conn) serves one exchange only, for nobody can tell whether it lives.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// A Host is one backend's connections. It is safe for use by several goroutines.
type Host struct {
	addr  discovery.Address
	opt   Options
	idle  idle
	live  live
	inner *multiplexed // scheme h2c only
}

// New makes the host of an address. No connection is opened before the first request. o may be nil.
func New(a discovery.Address, o *Options) *Host {
	h := &Host{addr: a}
	h.live.init()
	if o != nil {
		h.opt = *o
	}
	h.opt.complete(a)
	if a.Scheme == "h2c" {
		h.inner = newMultiplexed(h)
	}
	return h
}

func (o *Options) complete(a discovery.Address) {
	o.DialTimeout = cmp.Or(o.DialTimeout, 3*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 90*time.Second)
	o.MaxIdle = cmp.Or(o.MaxIdle, 256)
	o.MaxHead = cmp.Or(o.MaxHead, 64<<10)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	}
	if a.Scheme != "https" {
		return
	}
	if o.TLS = o.TLS.Clone(); o.TLS == nil {
		o.TLS = new(tls.Config)
	}
	o.TLS.NextProtos = []string{"http/1.1"}
	if o.TLS.ServerName == "" {
		o.TLS.ServerName, _, _ = net.SplitHostPort(a.HostPort)
	}
}

// Drain closes the connections that are not in use, and has the others closed as soon as they
// are not: none is kept any more. Requests under way finish, and new ones are still taken.
func (h *Host) Drain() {
	h.idle.drain()
	if h.inner != nil {
		h.inner.drain()
	}
}

// Abandon tells that nobody answers at the address any more. Dials fail at once, those under way
// and any to come; a Read of an answer lasts a second at most, so that an exchange goes on only while
// bytes keep coming. What has come in already is there to be read, however late.
func (h *Host) Abandon() {
	h.Drain()
	h.live.abandon()
}

// An Exchange is what a request needs besides itself. The zero value is ready to use.
type Exchange struct {
	// Interim is called by Do for each interim answer (1xx save 101) in turn, 100 included. The
	// header is the callee's to keep. An error ends the exchange. nil: they are dropped.
	Interim func(status int, header http.Header) error
	// Interrupt ends a Read of the request's body that is under way when the exchange is over
	// (by a read deadline in the past, say); it is called at most once. With it, nobody reads the
	// body any more once Do has failed or the answer's body was read to its end or closed. Without it, one
	// Read may outlast that.
	Interrupt func()
}

// Do sends r and returns the answer as soon as its head is there, while the request's body goes
// on being sent. Every error is an *Error. The caller closes the answer's Body; its errors are
// *Error too, save io.EOF.
//
//   - The target is r.RequestURI, byte for byte; r.URL.RequestURI() if that is empty. Host is
//     r.Host; the backend's address if that is empty.
//   - r.Header goes as it is, hop-by-hop fields already taken out by the caller. Host, Content-Length,
//     Transfer-Encoding and Trailer are written from r's fields instead.
//   - r.ContentLength rules the body: 0 none (r.Body is not touched), -1 chunked with r.Trailer at its
//     end, otherwise so many bytes. r.Body is not read before there is a connection and, if the
//     request expects 100-continue, not before the backend said so or 1 s passed. It is never closed.
//   - If r asks for an upgrade (Connection: Upgrade), a 101 that offers one of r's protocols has
//     a Body that is a Tunnel. Any other 101 is an error.
//   - When ctx ends the connection is closed, at any stage until the answer's Body is at its end.
func (h *Host) Do(ctx context.Context, r *http.Request, x Exchange) (*http.Response, error) {
	if ctx.Err() != nil {
		return nil, &Error{Stage: NothingWritten, Op: OpContext, Addr: h.addr.HostPort, Err: context.Cause(ctx)}
	}
	if h.live.gone.Err() != nil {
		return nil, &Error{Stage: NothingWritten, Op: OpDial, Addr: h.addr.HostPort, Err: errGone}
	}
	if h.inner != nil {
		return h.inner.do(ctx, r, x)
	}
	e := &exchange{host: h, r: r, asked: x, ctx: ctx, budget: h.opt.MaxHead}
	if err := e.send(); err != nil {
		return nil, err
	}
	return e.receive()
}

// Idempotent reports whether requests of the method may be sent twice (RFC 9110 section 9.2.2).
func Idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}
