package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"sync/atomic"
)

// multiplexed speaks cleartext HTTP/2 with prior knowledge (RFC 9113 section 3.3) through
// net/http, which is told no more than it tells: what is not known to be unwritten is Written.
type multiplexed struct {
	host      *Host
	transport *http.Transport
	drained   atomic.Bool
}

func newMultiplexed(h *Host) *multiplexed {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	m := &multiplexed{host: h}
	m.transport = &http.Transport{
		Protocols:              protocols,
		DisableCompression:     true,
		IdleConnTimeout:        h.opt.IdleTimeout,
		MaxResponseHeaderBytes: int64(h.opt.MaxHead),
		ResponseHeaderTimeout:  h.opt.ResponseHeaderTimeout,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := h.open(ctx)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
	return m
}

func (m *multiplexed) drain() {
	m.drained.Store(true)
	m.transport.CloseIdleConnections()
}

func (m *multiplexed) do(ctx context.Context, r *http.Request, x Exchange) (*http.Response, error) {
	if _, err := appendHead(nil, r, m.host.addr.HostPort); err != nil {
		return nil, m.host.refused(err)
	}
	s := &stream{m: m, ctx: ctx}
	if x.Interim != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			s.stage.Store(int32(Answered))
			return x.Interim(code, http.Header(h))
		}})
	}
	out := m.request(ctx, r)
	if r.ContentLength != 0 {
		s.sent = &sentBody{src: r.Body, interrupt: x.Interrupt}
		out.Body = s.sent
	}
	resp, err := m.transport.RoundTrip(out)
	if err != nil {
		return nil, s.failure(err)
	}
	s.stage.Store(int32(Answered))
	s.ReadCloser, resp.Body, resp.Request = resp.Body, s, r
	return resp, nil
}

// request is r as the transport wants it. Opaque carries the target byte for byte.
func (m *multiplexed) request(ctx context.Context, r *http.Request) *http.Request {
	out := r.WithContext(ctx)
	if out.Host == "" {
		out.Host = m.host.addr.HostPort
	}
	out.RequestURI = ""
	out.URL = &url.URL{Scheme: "http", Host: m.host.addr.HostPort, Opaque: "//" + out.Host + requestTarget(r)}
	out.Header = r.Header.Clone()
	if _, ok := out.Header["User-Agent"]; !ok && out.Header != nil {
		out.Header["User-Agent"] = []string{""} // none, rather than the transport's own
	}
	out.Body = nil
	return out
}

// stream is one exchange, and the Body of its answer.
type stream struct {
	io.ReadCloser
	m     *multiplexed
	sent  *sentBody // nil without a body
	ctx   context.Context
	stage atomic.Int32
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err == io.EOF {
		s.stop()
	} else if err != nil {
		err = s.failure(err)
	}
	return n, err
}

func (s *stream) Close() error {
	err := s.ReadCloser.Close()
	s.stop()
	if s.m.drained.Load() {
		s.m.transport.CloseIdleConnections()
	}
	return err
}

func (s *stream) failure(err error) error {
	var client *error
	if s.sent != nil {
		client = s.sent.failed.Load()
	}
	s.stop()
	var dialled *Error
	if errors.As(err, &dialled) && dialled.Stage == NothingWritten {
		return dialled
	}
	f := &Error{Stage: max(Written, Stage(s.stage.Load())), Op: OpRead, Addr: s.m.host.addr.HostPort, Err: err}
	switch {
	case s.ctx.Err() != nil:
		f.Op, f.Err = OpContext, context.Cause(s.ctx)
	case client != nil:
		f.Op, f.Err = OpUpload, *client
	case s.m.host.live.gone.Err() != nil:
		f.Err = errGone
	}
	return f
}

func (s *stream) stop() {
	if s.sent != nil {
		s.sent.Close()
	}
}

// sentBody is a request's body that nobody reads once it is closed.
type sentBody struct {
	src       io.Reader
	interrupt func()
	mu        sync.Mutex // held while reading
	closing   sync.Once
	closed    atomic.Bool
	failed    atomic.Pointer[error] // why src could not be read
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, errClosed
	}
	n, err := b.src.Read(p)
	if err != nil && err != io.EOF {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (b *sentBody) Close() error {
	b.closing.Do(func() {
		b.closed.Store(true)
		if b.interrupt == nil {
			return
		}
		if !b.mu.TryLock() {
			b.interrupt()
			b.mu.Lock()
		}
		b.mu.Unlock()
	})
	return nil
}
