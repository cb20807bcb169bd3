package upstream

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

const empty = ok + "Content-Length: 0\r\n\r\n"

// named answers each request with the number of its connection.
func named(p *peer) {
	for p.request() != nil {
		p.say(ok + "Content-Length: 1\r\n\r\n" + string(rune('0'+p.n)))
	}
}

func TestAConnectionServesManyRequests(t *testing.T) {
	h := New(listen(t, named), nil)
	defer h.Drain()
	for i := range 10 {
		r := get("/")
		if i%2 == 1 {
			r = post(strings.NewReader("abc"), int64(3-4*(i/2%2))) // of known length and chunked in turn
		}
		if c := mustAsk(t, h, r); c != "0" {
			t.Fatalf("request %d went over connection %s", i, c)
		}
	}
}

func TestTheConnectionUsedLastIsTakenFirst(t *testing.T) {
	h := New(listen(t, named), nil)
	defer h.Drain()
	first, _ := h.Do(t.Context(), get("/"), Exchange{})
	second, _ := h.Do(t.Context(), get("/"), Exchange{})
	for _, resp := range []io.Reader{second.Body, first.Body} {
		if _, err := io.ReadAll(resp); err != nil {
			t.Fatal(err)
		}
	}
	if c := mustAsk(t, h, get("/")); c != "0" {
		t.Errorf("took connection %s, want 0, which was used last", c)
	}
}

// A backend may end a connection at any time between two requests. What it sent before that
// (a 408, say) is no answer to the next request.
func TestAConnectionThatEndedWhileIdleIsNotUsed(t *testing.T) {
	for name, last := range map[string]string{
		"closed":                "",
		"with a farewell":       "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
		"with a second answer":  ok + "Content-Length: 5\r\n\r\nwrong",
		"with an empty line":    "\r\n",
		"with one octet of NUL": "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			end, ended := make(chan struct{}), make(chan struct{}, 1)
			h := New(listen(t, func(p *peer) {
				if p.n > 0 {
					named(p)
					return
				}
				p.request()
				p.say(empty)
				<-end
				p.say(last)
				if last == "" {
					p.Close()
				}
				ended <- struct{}{}
				p.waitEnd()
			}), nil)
			defer h.Drain()
			mustAsk(t, h, get("/"))
			if kept(h) != 1 {
				t.Fatal("the first connection was not kept")
			}
			close(end)
			soon(t, ended, "the connection's end")
			// Loopback delivers before the write returns, so the end is there to be seen.
			if c := mustAsk(t, h, post(strings.NewReader("a"), 1)); c != "1" {
				t.Errorf("answered by connection %q, want 1", c)
			}
		})
	}
}

func TestWhatCannotBeSentAgainTakesAFreshConnection(t *testing.T) {
	h := New(listen(t, named), nil)
	defer h.Drain()
	mustAsk(t, h, get("/"))
	if c := mustAsk(t, h, post(strings.NewReader("a"), 1)); c != "0" {
		t.Errorf("used a moment ago: POST took connection %s, want 0", c)
	}
	h.idle.mu.Lock()
	h.idle.conns[0].used = time.Now().Add(-fresh - time.Millisecond)
	h.idle.mu.Unlock()
	if c := mustAsk(t, h, post(strings.NewReader("a"), 1)); c != "1" {
		t.Errorf("used more than a second ago: POST took connection %s, want 1", c)
	}
	h.idle.mu.Lock()
	for _, c := range h.idle.conns {
		c.used = time.Now().Add(-time.Minute)
	}
	h.idle.mu.Unlock()
	if c := mustAsk(t, h, get("/")); c != "1" {
		t.Errorf("used a minute ago: GET took connection %s, want 1", c)
	}
}

func TestADrainingHostKeepsNoConnection(t *testing.T) {
	ended := make(chan int, 3)
	h := New(listen(t, func(p *peer) { named(p); ended <- p.n }), nil)
	busy, err := h.Do(t.Context(), get("/"), Exchange{})
	if err != nil {
		t.Fatal(err)
	}
	mustAsk(t, h, get("/"))
	h.Drain()
	if n := soon(t, ended, "the idle connection's end"); n != 1 {
		t.Errorf("connection %d ended first, want 1: the idle one", n)
	}
	if body, err := io.ReadAll(busy.Body); err != nil || string(body) != "0" {
		t.Errorf("the request under way got %q, %v", body, err)
	}
	if n := soon(t, ended, "the busy connection's end"); n != 0 {
		t.Errorf("connection %d ended next, want 0", n)
	}
	if c := mustAsk(t, h, get("/")); c != "2" {
		t.Errorf("a request after Drain took connection %s, want a new one", c)
	}
	soon(t, ended, "the new connection's end")
}

func TestNoMoreThanMaxIdleConnectionsAreKept(t *testing.T) {
	h := New(listen(t, named), &Options{MaxIdle: 2})
	defer h.Drain()
	var bodies []io.Reader
	for range 4 {
		resp, err := h.Do(t.Context(), get("/"), Exchange{})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
	}
	for _, b := range bodies {
		if _, err := io.ReadAll(b); err != nil {
			t.Fatal(err)
		}
	}
	if kept(h) != 2 {
		t.Errorf("%d connections kept, want 2", kept(h))
	}
}

func TestIdleConnectionsEndWhenTheirTimeHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(discovery.Address{Scheme: "http", HostPort: "a:1"}, &Options{IdleTimeout: time.Minute})
		ended := make(chan string, 2)
		keep := func(name string) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far); ended <- name }()
			h.keep(&conn{Conn: near, socket: near, live: &h.live, quiet: unknown})
		}
		begin := time.Now()
		keep("first")
		time.Sleep(40 * time.Second)
		keep("second")
		if name := <-ended; name != "first" || time.Since(begin) != time.Minute {
			t.Errorf("%s ended after %v, want first after 1m", name, time.Since(begin))
		}
		if name := <-ended; name != "second" || time.Since(begin) != 100*time.Second {
			t.Errorf("%s ended after %v, want second after 1m40s", name, time.Since(begin))
		}
		keep("third")
		if name := <-ended; name != "third" || time.Since(begin) != 160*time.Second {
			t.Errorf("%s ended after %v, want third after 2m40s", name, time.Since(begin))
		}
	})
}

func TestAConnectionNobodyCanLookAtServesOneExchange(t *testing.T) {
	if quiet(struct{ net.Conn }{})() {
		t.Error("a connection without a descriptor passes for quiet")
	}
}

func TestManyRequestsAtOnceGetTheirOwnAnswers(t *testing.T) {
	h := New(listen(t, func(p *peer) {
		for r := p.request(); r != nil; r = p.request() {
			body, _ := io.ReadAll(r.Body)
			p.say(ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n" + r.RequestURI + "\r\n")
			if len(body) > 0 {
				p.say("1\r\n" + string(body) + "\r\n")
			}
			p.say("0\r\n\r\n")
		}
	}), &Options{MaxIdle: 4})
	defer h.Drain()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			name := string(rune('a' + i))
			for n := range 50 {
				r, want := get("/"+name), "/"+name
				if n%2 == 0 {
					r = post(strings.NewReader(name), int64(1-n%4))
					r.RequestURI, want = "/"+name, "/"+name+name
				}
				if _, body, err := ask(t, h, r); err != nil || body != want {
					t.Errorf("%s got %q, error %v", name, body, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestARequestThatAsksToCloseEndsItsConnection(t *testing.T) {
	h := New(listen(t, named), nil)
	defer h.Drain()
	r := get("/")
	r.Header.Set("Connection", "close")
	mustAsk(t, h, r)
	if kept(h) != 0 {
		t.Error("the connection was kept")
	}
}
