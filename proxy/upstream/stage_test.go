package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// refusing is an address where nobody listens.
func refusing(t *testing.T) discovery.Address {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return discovery.Address{Scheme: "http", HostPort: l.Addr().String()}
}

// reset closes so that the other side sees a reset.
func (p *peer) reset() {
	_ = p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
}

func TestAnErrorKnowsHowFarTheExchangeCame(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(p *peer)
		stage Stage
		eof   bool
	}{
		{"closed after the request", func(p *peer) { p.head() }, Written, true},
		{"reset after the request", func(p *peer) { p.head(); p.reset() }, Written, false},
		{"closed after one byte", func(p *peer) { p.head(); p.say("H") }, Answered, true},
		{"closed after an interim answer", func(p *peer) { p.head(); p.say("HTTP/1.1 103 Early Hints\r\n\r\n") }, Answered, true},
		{"closed after the head", func(p *peer) { p.head(); p.say(ok + "Content-Length: 3\r\n\r\n") }, Answered, true},
		{"reset in the body", func(p *peer) {
			p.head()
			p.say(ok + "\r\nabc")
			_, _ = p.in.ReadByte()
			p.reset()
		}, Answered, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New(listen(t, c.f), nil)
			r := get("/")
			if c.name == "reset in the body" {
				r = post(strings.NewReader("x"), 1)
			}
			_, _, err := ask(t, h, r)
			e := wantError(t, err, c.stage, OpRead)
			if errors.Is(e, io.ErrUnexpectedEOF) != c.eof || errors.Is(e, io.EOF) || e.Timeout() {
				t.Errorf("error is %v, timeout %v", e, e.Timeout())
			}
			if !strings.Contains(e.Error(), h.addr.HostPort) {
				t.Errorf("error %q does not name the backend", e)
			}
		})
	}
}

func TestOnlyTheBackendsFaultIsADialError(t *testing.T) {
	fails := func(err error) *Options {
		return &Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: err}
		}}
	}
	hangs := &Options{DialTimeout: time.Millisecond, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	a := refusing(t)
	for name, c := range map[string]struct {
		o       *Options
		op      Op
		timeout bool
	}{
		"refused":            {nil, OpDial, false},
		"out of descriptors": {fails(syscall.EMFILE), OpSocket, false},
		"out of ports":       {fails(syscall.EADDRNOTAVAIL), OpSocket, false},
		"no route":           {fails(syscall.EHOSTUNREACH), OpDial, false},
		"silence":            {hangs, OpDial, true},
	} {
		for _, scheme := range []string{"http", "https", "h2c"} {
			h := New(discovery.Address{Scheme: scheme, HostPort: a.HostPort}, c.o)
			_, _, err := ask(t, h, post(strings.NewReader("a"), 1))
			if e := wantError(t, err, NothingWritten, c.op); e.Timeout() != c.timeout {
				t.Errorf("%s, %s: Timeout is %v", name, scheme, e.Timeout())
			}
		}
	}
}

func TestAnEndedContextEndsAnyStage(t *testing.T) {
	why := errors.New("the client went away")
	silence := func(p *peer) { p.waitEnd() }
	for _, c := range []struct {
		name  string
		f     func(p *peer, cancel func())
		stage Stage
	}{
		{"waiting for the answer", func(p *peer, cancel func()) { p.head(); cancel(); silence(p) }, Written},
		{"in the head", func(p *peer, cancel func()) { p.head(); p.say("HTTP/1.1 103 Early Hints\r\n\r\n"); silence(p) }, Answered},
		{"in the body", func(p *peer, cancel func()) { p.head(); p.say(ok + "Content-Length: 3\r\n\r\na"); silence(p) }, Answered},
		{"in a chunk", func(p *peer, cancel func()) { p.head(); p.say(chunkedOK + "3\r\na"); silence(p) }, Answered},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan struct{})
			h := New(listen(t, func(p *peer) { c.f(p, func() { cancel(why) }); close(ended) }), nil)
			resp, err := h.Do(ctx, get("/"), Exchange{Interim: func(int, http.Header) error { cancel(why); return nil }})
			if err == nil {
				_, _ = resp.Body.Read(make([]byte, 1))
				cancel(why)
				_, err = io.ReadAll(resp.Body)
			}
			if e := wantError(t, err, c.stage, OpContext); !errors.Is(e, why) {
				t.Errorf("error is %v, want the cause", e)
			}
			soon(t, ended, "the connection's end")
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err := New(refusing(t), nil).Do(ctx, get("/"), Exchange{})
	wantError(t, err, NothingWritten, OpContext)
	o := &Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	ctx, cancel = context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(why) })
	_, err = New(refusing(t), o).Do(ctx, get("/"), Exchange{})
	wantError(t, err, NothingWritten, OpContext)
}

func TestAClosedBodyEndsItsConnection(t *testing.T) {
	ended := make(chan struct{})
	h := New(listen(t, func(p *peer) { p.head(); p.say(ok + "Content-Length: 3\r\n\r\na"); p.waitEnd(); close(ended) }), nil)
	resp, err := h.Do(t.Context(), get("/"), Exchange{})
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() { _, err := io.ReadAll(resp.Body); read <- err }()
	resp.Body.Close()
	resp.Body.Close()
	wantError(t, soon(t, read, "the end of a Read under way"), Answered, OpRead)
	soon(t, ended, "the connection's end")
	if kept(h) != 0 {
		t.Error("the connection was kept")
	}
}

func TestAHeadThatDoesNotComeTimesOut(t *testing.T) {
	o := &Options{ResponseHeaderTimeout: 50 * time.Millisecond}
	h := New(listen(t, func(p *peer) { p.request(); p.say("HTTP/1.1 1"); p.waitEnd() }), o)
	for _, r := range []func() (stage Stage, err error){
		func() (Stage, error) { _, _, err := ask(t, h, get("/")); return Answered, err },
		func() (Stage, error) { _, _, err := ask(t, h, post(strings.NewReader("abc"), 3)); return Answered, err },
	} {
		stage, err := r()
		if e := wantError(t, err, stage, OpRead); !e.Timeout() {
			t.Errorf("error %v is no time-out", e)
		}
	}
}

// The limit counts from the request's end, and not beyond the head.
func TestTheHeadsLimitSparesSlowBodies(t *testing.T) {
	const limit = 50 * time.Millisecond
	h := New(listen(t, func(p *peer) {
		for p.request() != nil {
			p.say(ok + "Content-Length: 3\r\n\r\na")
			time.Sleep(2 * limit) // the slowness itself, not a wait for something
			p.say("bc")
		}
	}), &Options{ResponseHeaderTimeout: limit})
	defer h.Drain()
	for range 2 {
		f := newFeed()
		time.AfterFunc(2*limit, func() { _, _ = io.WriteString(f, "abc") })
		if body := mustAsk(t, h, post(f, 3)); body != "abc" {
			t.Errorf("body is %q", body)
		}
	}
	if kept(h) != 1 {
		t.Error("the connection was not kept")
	}
}
