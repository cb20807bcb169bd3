package server

import (
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// exchange is one request and its answer, and all that they need. It is lent to a connection while there
// is a request.
type exchange struct {
	c      *conn
	in     wire.Reader
	r      *http.Request
	url    url.URL
	header http.Header
	values []string // of the header
	ctx    *requestContext
	body   *body // nil if there is none
	// upgrade: what comes next may be another protocol, and is only read by a handler that takes the connection.
	upgrade bool
	w       Writer
	watch   watch
}

// lend gives a connection what the first bytes of a request are read into, and all else that it needs.
func (c *conn) lend() {
	x, _ := c.server.spare.Get().(*exchange)
	if x == nil {
		x = &exchange{}
		x.w.x, x.w.header = x, http.Header{}
		x.watch.x, x.watch.ended = x, make(chan struct{}, 1)
		x.renew()
	}
	x.c, x.in.Src = c, c
	x.in.Lend(c.first, c.firstRead)
	c.first, c.x = nil, x
}

// renew makes what a request is made of anew: somebody may hold on to the last one's.
func (x *exchange) renew() {
	x.ctx = &requestContext{}
	x.r = new(http.Request).WithContext(x.ctx)
	x.header, x.values = http.Header{}, nil
}

// release gives everything back. Nothing of a request is under way.
func (x *exchange) release() {
	c := x.c
	c.x = nil
	c.ctx.Store(nil)
	x.in.Free()
	x.w.free()
	x.c, x.in.Src = nil, nil
	c.server.spare.Put(x)
}

// hasMore reports whether a request has begun already.
func (x *exchange) hasMore() bool { return len(x.in.Buffered()) > 0 }

// serve answers a request, and reports whether another may follow on the connection.
func (x *exchange) serve() bool {
	c, l := x.c, &x.c.server.Limits
	now := time.Now()
	if c.headBy.IsZero() {
		c.headBy = after(now, l.Head)
	}
	c.readBy = after(now, l.Read)
	c.headBy = earlier(c.headBy, c.readBy)
	c.phase = inHead
	x.prepare()
	head, err := x.in.Section(l.HeadBytes)
	if len(head) == len("\r\n") { // before a request line an empty one is passed over (RFC 9112 section 2.2)
		c.phase, c.headBy = nothing, time.Time{}
		return true
	}
	if err == nil {
		err = x.parse(string(head))
	}
	c.phase, c.headBy = nothing, time.Time{}
	c.writeBy = after(now, l.Write)
	if err != nil {
		return x.refuse(err)
	}
	x.begin()
	return x.handle(c.server.Handler) && x.finish()
}

// prepare makes the request as it is before its head was read.
func (x *exchange) prepare() {
	r := x.r
	x.url = url.URL{Path: "/"}
	x.body = nil
	r.Method, r.RequestURI, r.URL, r.Host = "", "", &x.url, ""
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Header, r.Trailer, r.Body, r.ContentLength = x.header, nil, http.NoBody, 0
	r.TransferEncoding, r.Close, r.RemoteAddr, r.TLS, r.Pattern = nil, false, x.c.remote, nil, ""
	r.Form, r.PostForm, r.MultipartForm = nil, nil, nil
	x.w.prepare()
	x.c.ctx.Store(x.ctx)
}

// begin begins the part of the request that the handler sees.
func (x *exchange) begin() {
	r := x.r
	x.upgrade = switches(x.header)
	x.w.last = r.Close || x.upgrade
	if r.ContentLength == 0 {
		x.watch.begin()
		return
	}
	x.body = newBody(x)
	r.Body = x.body
	x.c.phase = inBody
	if r.ContentLength < 0 {
		r.TransferEncoding = []string{"chunked"}
	}
}

// refuse answers what is no request, and ends the connection.
func (x *exchange) refuse(err error) bool {
	if err = refusalOf(err, len(x.in.Buffered()) > 0); err == nil {
		return false
	}
	x.w.last = true
	hook := func(w http.ResponseWriter, r *http.Request) { x.c.server.Refuse(w, r, err) }
	if x.handle(http.HandlerFunc(hook)) && x.w.finish() {
		x.c.linger()
	}
	x.end()
	return false
}

// handle calls a handler. It reports whether it returned: a panic cuts the connection off.
func (x *exchange) handle(h http.Handler) (returned bool) {
	defer func() {
		if !returned {
			x.cutOff(recover())
		}
	}()
	h.ServeHTTP(&x.w, x.r)
	return true
}

// cutOff ends a connection so that nobody takes what was answered for the whole.
func (x *exchange) cutOff(cause any) {
	if cause != http.ErrAbortHandler {
		x.c.server.Log.Error().Interface("panic", cause).Str("client", x.c.remote).Bytes("stack", debug.Stack()).Msg("handler panicked")
	}
	x.w.cutOff()
	_ = x.c.Close()
	x.end()
}

// finish ends the answer, then the request: the client may be waiting for the one before it sends the rest of the
// other. It reports whether another request may follow.
func (x *exchange) finish() bool {
	if x.w.hijacked {
		x.end()
		return false
	}
	answered := x.w.finish()
	last, rest := x.w.last, false
	if x.body != nil && answered {
		rest = !x.body.finish()
	}
	if there := x.end(); !there || !answered {
		return false
	}
	if rest || x.upgrade {
		x.c.linger()
	}
	return !rest && !last
}

// end ends all that goes on beside the handler, and makes x fit for the next request. It reports whether the
// client is still there.
func (x *exchange) end() bool {
	if !x.w.hijacked {
		x.endReading()
		_ = x.c.in.ask(time.Time{})
		_ = x.c.out.ask(time.Time{})
	}
	there := x.ctx.Err() == nil
	if x.body != nil || !x.ctx.again() {
		x.ctx.cancel()
		x.renew()
		return there
	}
	clear(x.header)
	clear(x.values)
	return there
}

// endReading ends what may read from the client: a body, or the watch.
func (x *exchange) endReading() {
	if x.body != nil {
		x.body.close()
	}
	x.watch.end()
	x.c.phase = nothing
}
