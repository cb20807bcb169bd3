package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// patience is how long a test waits for what should happen at once.
const patience = 5 * time.Second

// peer is the backend's side of one connection.
type peer struct {
	net.Conn
	in *bufio.Reader
	n  int // which connection it is, from 0
}

// listen starts a backend that serves each connection with f, and returns where.
func listen(t testing.TB, f func(p *peer)) discovery.Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			p := &peer{Conn: c, in: bufio.NewReader(c), n: n}
			all.Go(func() {
				defer c.Close()
				f(p)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return discovery.Address{Scheme: "http", HostPort: l.Addr().String()}
}

// request reads a request with its body; nil at the connection's end.
func (p *peer) request() *http.Request {
	r, err := http.ReadRequest(p.in)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return r
}

// head reads the raw head of a request; "" at the connection's end.
func (p *peer) head() string {
	var s strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return ""
		}
		s.WriteString(line)
		if line == "\r\n" {
			return s.String()
		}
	}
}

func (p *peer) say(s string) { _, _ = io.WriteString(p, s) }

// waitEnd reads until the proxy closes the connection.
func (p *peer) waitEnd() { _, _ = io.Copy(io.Discard, p.in) }

// answers is a backend that gives every request on every connection the same answer.
func answers(t testing.TB, answer string) discovery.Address {
	return listen(t, func(p *peer) {
		for p.request() != nil {
			p.say(answer)
		}
	})
}

func get(target string) *http.Request {
	return &http.Request{Method: "GET", RequestURI: target, Host: "shop.example", Header: http.Header{}}
}

func post(body io.Reader, length int64) *http.Request {
	return &http.Request{Method: "POST", RequestURI: "/", Host: "shop.example", Header: http.Header{},
		Body: io.NopCloser(body), ContentLength: length}
}

// ask does a request and reads the whole answer.
func ask(t testing.TB, h *Host, r *http.Request) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	resp, err := h.Do(ctx, r, Exchange{})
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// mustAsk is ask where nothing may go wrong.
func mustAsk(t testing.TB, h *Host, r *http.Request) string {
	t.Helper()
	_, body, err := ask(t, h, r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.RequestURI, err)
	}
	return body
}

// wantError checks an error's stage and operation.
func wantError(t testing.TB, err error, stage Stage, op Op) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want an *Error", err)
	}
	if e.Stage != stage || e.Op != op {
		t.Fatalf("error is %q (%v), want stage %q, op %q", e, e.Stage, stage, op)
	}
	return e
}

func kept(h *Host) int {
	h.idle.mu.Lock()
	defer h.idle.mu.Unlock()
	return len(h.idle.conns)
}

// soon waits for a signal.
func soon[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited %v in vain for: %s", patience, what)
	}
	return v
}
