package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// exchange is one request and its answer, on one connection. It is the answer's Body, too.
type exchange struct {
	host   *Host
	ctx    context.Context
	r      *http.Request
	asked  Exchange
	conn   *conn
	in     wire.Reader
	out    *upload     // nil without a body
	ignore func() bool // ends the watch over ctx; false if ctx was faster
	budget int         // bytes of head that the backend may still send
	any    bool        // something of the answer was read
	resp   http.Response
	body   body
	over   atomic.Bool // the connection was given up or kept
}

// send gets a connection and writes the request's head. The body goes its own way from there.
func (e *exchange) send() error {
	if e.r.ContentLength != 0 {
		return e.sendWithBody()
	}
	e.in.Lend(wire.Pages.Get().(*wire.Page), 0)
	head, err := appendHead(e.in.Page()[:0], e.r, e.host.addr.HostPort)
	if err != nil {
		e.in.Free()
		return e.host.refused(err)
	}
	return e.write(head)
}

func (e *exchange) sendWithBody() error {
	u := &upload{e: e, page: uploadPages.Get().(*uploadPage)}
	head, err := appendHead(u.page[:0], e.r, e.host.addr.HostPort)
	if err != nil {
		uploadPages.Put(u.page)
		return e.host.refused(err)
	}
	e.in.Lend(wire.Pages.Get().(*wire.Page), 0)
	u.expects = wire.HasToken(e.r.Header["Expect"], "100-continue")
	if u.expects || len(head) > uploadPageSize/2 {
		err = e.write(head)
	} else {
		u.head = head
		err = e.connect()
	}
	if err != nil {
		uploadPages.Put(u.page)
		return err
	}
	u.start()
	return nil
}

func (h *Host) refused(err error) error {
	return &Error{Stage: NothingWritten, Op: OpRequest, Addr: h.addr.HostPort, Err: err}
}

// connect gets a connection and watches over ctx from then on.
func (e *exchange) connect() error {
	c, err := e.host.take(e.ctx, !Idempotent(e.r.Method))
	if err != nil {
		e.in.Free()
		return err
	}
	c.watch(e.r.ContentLength >= 0 && e.r.ContentLength <= calmBody)
	e.conn, e.in.Src = c, c
	e.ignore = afterEnd(e.ctx, c.end)
	return nil
}

// afterEnd has f called when ctx ends, by ctx itself if it can: that costs less.
func afterEnd(ctx context.Context, f func()) (ignore func() bool) {
	if own, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return own.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// write writes the head. A kept connection that breaks before it took a byte is replaced.
func (e *exchange) write(head []byte) error {
	for {
		if err := e.connect(); err != nil {
			return err
		}
		n, err := e.conn.Write(head)
		if err == nil {
			return nil
		}
		if n == 0 && e.conn.kept && e.ctx.Err() == nil {
			e.ignore()
			e.conn.sever()
			continue
		}
		e.in.Free()
		e.cut()
		stage := NothingWritten
		if n > 0 {
			stage = Written
		}
		return e.failure(stage, OpWrite, err)
	}
}

// receive reads the answer's head, and interim ones before it.
func (e *exchange) receive() (*http.Response, error) {
	if e.out == nil {
		e.limitWait()
	}
	for {
		if err := e.readHead(); err != nil {
			return nil, err
		}
		status := e.resp.StatusCode
		if status >= 200 || status == http.StatusSwitchingProtocols {
			break
		}
		if err := e.interim(status); err != nil {
			return nil, err
		}
	}
	e.answered()
	if e.resp.StatusCode == http.StatusSwitchingProtocols {
		return e.switched()
	}
	return e.begin()
}

func (e *exchange) readHead() error {
	head, err := e.in.Section(e.budget)
	if err == nil {
		e.any = true
		e.budget -= len(head)
		err = parseHead(string(head), &e.resp)
	}
	if err != nil {
		return e.abandon(err)
	}
	return nil
}

// interim passes a 1xx on. No length belongs there, and none is heeded.
func (e *exchange) interim(status int) error {
	h := e.resp.Header
	delete(h, "Content-Length")
	delete(h, "Transfer-Encoding")
	if e.asked.Interim != nil {
		if err := e.asked.Interim(status, h); err != nil {
			e.cut()
			return &Error{Stage: Answered, Op: OpInterim, Addr: e.host.addr.HostPort, Err: err}
		}
	}
	if status == http.StatusContinue && e.out != nil {
		e.out.proceed()
	}
	return nil
}

// begin decides how the body is delimited, and is done already if there is none.
func (e *exchange) begin() (*http.Response, error) {
	n, keep, err := bodyLength(&e.resp, e.r.Method)
	if err != nil {
		return nil, e.abandon(err)
	}
	e.resp.Request, e.resp.Close = e.r, !keep
	e.body = body{left: n, keep: keep && !wire.HasToken(e.r.Header["Connection"], "close")}
	if n == chunked {
		e.resp.Trailer = announcedTrailers(e.resp.Header)
		e.body.left, e.body.chunks = 0, &wire.Chunks{In: &e.in, Budget: e.budget}
	}
	if n == 0 {
		e.finish(e.body.keep)
		e.resp.Body = http.NoBody
	} else {
		e.resp.Body = e
	}
	return &e.resp, nil
}

// switched makes a tunnel, if this 101 is one that was asked for (RFC 9110 section 7.8).
func (e *exchange) switched() (*http.Response, error) {
	protocol := strings.Join(e.resp.Header["Upgrade"], ",")
	switch {
	case protocol == "" || !offers(e.r, protocol) || !wire.HasToken(e.resp.Header["Connection"], "Upgrade"):
		return nil, e.abandon(wire.Malformed("a switch of protocols that was not asked for"))
	case e.out != nil && !e.out.settle(e.conn):
		return nil, e.abandon(wire.Malformed("a switch of protocols before the request's end"))
	}
	e.conn.watch(false)
	delete(e.resp.Header, "Content-Length")
	delete(e.resp.Header, "Transfer-Encoding")
	e.resp.Request, e.resp.Body = e.r, &tunnel{e}
	return &e.resp, nil
}

// limitWait is called once the request is sent.
func (e *exchange) limitWait() {
	if d := e.host.opt.ResponseHeaderTimeout; d > 0 {
		e.conn.limitRead(d)
	}
}

// answered ends the limit that limitWait set, or is about to set. A body that was kept back until
// now is not wanted.
func (e *exchange) answered() {
	if e.out != nil {
		e.out.unwanted()
	}
	if e.host.opt.ResponseHeaderTimeout <= 0 {
		return
	}
	if e.out != nil {
		e.out.mu.Lock()
		defer e.out.mu.Unlock()
		e.out.answered = true
	}
	e.conn.limitRead(0)
}

// finish ends an exchange whose answer was read whole. Only the reader calls it.
func (e *exchange) finish(keep bool) {
	if !e.over.CompareAndSwap(false, true) {
		return
	}
	keep = keep && len(e.in.Buffered()) == 0
	e.in.Free()
	if e.out != nil && !(keep && e.out.settle(e.conn)) {
		keep = false
		e.out.stop()
	}
	if e.ignore() && keep {
		e.host.keep(e.conn)
		return
	}
	e.conn.Close()
}

// cut ends an exchange in the middle. The page is not given back: a Read may be in it.
func (e *exchange) cut() {
	if !e.over.CompareAndSwap(false, true) {
		return
	}
	e.ignore()
	e.conn.sever()
	if e.out != nil {
		e.out.stop()
	}
}

// abandon cuts and says why reading the answer failed.
func (e *exchange) abandon(err error) error {
	stage := Written
	if e.any || len(e.in.Buffered()) > 0 {
		stage = Answered
	}
	failure := e.failure(stage, OpRead, err)
	e.cut()
	return failure
}

// failure finds who is to blame: a connection also breaks when ctx ends or the client goes.
func (e *exchange) failure(stage Stage, op Op, err error) *Error {
	var bad wire.Malformed
	f := &Error{Stage: stage, Op: op, Addr: e.host.addr.HostPort, Err: err}
	switch {
	case e.ctx.Err() != nil:
		f.Op, f.Err = OpContext, context.Cause(e.ctx)
	case e.out != nil && e.out.clientError() != nil:
		f.Op, f.Err = OpUpload, e.out.clientError()
	case errors.As(err, &bad):
		f.Op = OpAnswer
	case errors.Is(err, os.ErrDeadlineExceeded) && e.host.live.gone.Err() != nil:
		f.Err = errGone
	case err == io.EOF:
		f.Err = io.ErrUnexpectedEOF
	}
	return f
}
