package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	get  = "GET / HTTP/1.1\r\nHost: a\r\n"
	post = "POST / HTTP/1.1\r\nHost: a\r\n"
	last = "Connection: close\r\n\r\n"
)

// head is an answer's head with its status, without what each has.
func head(t *testing.T, answer string) (fields, body string) {
	t.Helper()
	h, body, whole := strings.Cut(answer, "\r\n\r\n")
	if !whole {
		t.Fatalf("no head: %q", answer)
	}
	var kept []string
	for _, line := range strings.Split(h, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "|"), body
}

func TestAnAnswerIsDelimitedByWhatIsKnownOfIt(t *testing.T) {
	big := strings.Repeat("0123456789", 1000)
	for name, c := range map[string]struct {
		proto, method string
		h             http.HandlerFunc
		head, body    string
	}{
		"small, in one piece": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") },
			"HTTP/1.1 200 OK|Connection: close|Content-Length: 3", "abc"},
		"nothing": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {}, "HTTP/1.1 200 OK|Connection: close|Content-Length: 0", ""},
		"of a length": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10000")
			io.WriteString(w, big)
		}, "HTTP/1.1 200 OK|Connection: close|Content-Length: 10000", big},
		"large": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "abc")
			io.WriteString(w, big)
			io.WriteString(w, "def")
		}, "HTTP/1.1 200 OK|Connection: close|Transfer-Encoding: chunked", "2713\r\nabc" + big + "\r\n3\r\ndef\r\n0\r\n\r\n"},
		"large, to HTTP/1.0": {"HTTP/1.0", "GET", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, big)
		}, "HTTP/1.1 200 OK|Connection: close", big},
		"flushed": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			io.WriteString(w, "a")
			rc.Flush()
			rc.Flush()
			io.WriteString(w, "b")
		}, "HTTP/1.1 200 OK|Connection: close|Transfer-Encoding: chunked", "1\r\na\r\n1\r\nb\r\n0\r\n\r\n"},
		"head alone flushed": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
		}, "HTTP/1.1 200 OK|Connection: close|Transfer-Encoding: chunked", "0\r\n\r\n"},
		"with trailers": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-A")
			io.WriteString(w, "abc")
			w.Header().Set("X-A", "1")
			w.Header().Set(http.TrailerPrefix+"X-B", "2")
			w.Header().Set(http.TrailerPrefix+"Content-Length", "2")
		}, "HTTP/1.1 200 OK|Trailer: X-A|Connection: close|Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"},
		"of HEAD": {"HTTP/1.1", "HEAD", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
		}, "HTTP/1.1 200 OK|Connection: close|Content-Length: 3", ""},
		"204": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(204)
			io.WriteString(w, "abc")
		}, "HTTP/1.1 204 No Content|Connection: close", ""},
		"304": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(304)
			io.WriteString(w, "abc")
		}, "HTTP/1.1 304 Not Modified|Connection: close|Content-Length: 3", ""},
		"fields that are none": {"HTTP/1.1", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X A"] = []string{"1"}
			w.Header()["X-B"] = []string{"1\r\nX-C: 2", "3\x00"}
			w.Header()["Transfer-Encoding"] = []string{"gzip"}
		}, "HTTP/1.1 200 OK|Connection: close|Content-Length: 0", ""},
	} {
		w := begin(t, generous, c.h)
		if h, body := head(t, w.all(c.method+" / "+c.proto+"\r\nHost: a\r\n"+last)); h != c.head || body != c.body {
			t.Errorf("%s: %s\n%q\nwant %s\n%q", name, h, body, c.head, c.body)
		}
	}
}

func TestAnHTTP1_0ConnectionPersistsIfItsClientWishes(t *testing.T) {
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
	})
	got := w.all("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n")
	if strings.Count(got, "abc") != 2 || strings.Count(got, "Connection: keep-alive") != 1 || strings.Count(got, "Connection: close") != 1 {
		t.Errorf("got %q", got)
	}
}

// An answer that is not whole must not look so, whatever ends it.
func TestAPanicCutsTheAnswerOff(t *testing.T) {
	for name, proto := range map[string]string{"chunked": "HTTP/1.1", "until close": "HTTP/1.0"} {
		for _, cause := range []any{http.ErrAbortHandler, "a bug"} {
			w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "abc")
				http.NewResponseController(w).Flush()
				panic(cause)
			})
			c, r := w.dial()
			send(t, c, "GET / "+proto+"\r\nHost: a\r\n\r\n")
			got, err := io.ReadAll(r)
			if strings.Contains(string(got), "0\r\n\r\n") || proto == "HTTP/1.0" && err == nil {
				t.Errorf("%s, %v: %q, %v", name, cause, got, err)
			}
			if logged := strings.Contains(w.log.String(), "handler panicked"); logged != (cause == "a bug") {
				t.Errorf("%s, %v: logged %q", name, cause, w.log)
			}
		}
	}
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "short")
	})
	if got := w.all(get + "\r\n" + get + "\r\n"); !strings.HasSuffix(got, "short") || strings.Count(got, "200 OK") != 1 {
		t.Errorf("shorter than it says: %q", got)
	}
}

func TestTheClientsEndCancelsARequestThatLasts(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan error, 1)
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(asked)
		<-r.Context().Done()
		ended <- r.Context().Err()
	})
	for _, sent := range []string{get + "\r\n", post + "Content-Length: 1\r\n\r\nx", get + "\r\n" + get} {
		asked = make(chan struct{})
		c, _ := w.dial()
		send(t, c, sent)
		<-asked
		c.Close()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%q: %v", sent, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q: nobody noticed", sent)
		}
	}
}

func TestWhatComesWhileARequestLastsWaitsForItsTurn(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			began <- struct{}{}
			<-finish
		}
		io.WriteString(w, r.URL.Path)
	})
	c, r := w.dial()
	for range 3 {
		send(t, c, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		<-began
		time.Sleep(2 * watchAfter) // so that somebody looks whether the client is still there
		send(t, c, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"+strings.Repeat("\r\n", 1)+"GET /last HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 8000)+"\r\n\r\n")
		finish <- struct{}{}
		for _, want := range []string{"/slow", "/next", "/last"} {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("%s: %v", want, err)
			}
			expect(t, resp.Body, want)
		}
	}
}

func TestARequestsContextEndsWithIt(t *testing.T) {
	contexts := make(chan context.Context, 2)
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		r.Context().Done()
		contexts <- r.Context()
	})
	w.all(get + "\r\n" + get + last)
	first, second := <-contexts, <-contexts
	<-first.Done()
	<-second.Done()
	if first == second {
		t.Error("a context that somebody holds on to was used again")
	}
}

func TestAConnectionThatWasTakenOverGivesAllThatWasRead(t *testing.T) {
	done := make(chan error, 1)
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		all := make([]byte, len("early late"))
		if _, err = io.ReadFull(rw, all); err == nil {
			_, err = fmt.Fprintf(c, "got %s", all)
		}
		done <- err
	})
	c, r := w.dial()
	send(t, c, get+"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
	send(t, c, " late")
	expect(t, r, "got early late")
	if err := <-done; err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(5 * time.Second); w.Connections() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it counts after its end")
		}
	}
}

func TestCloseEndsConnectionsAndRequests(t *testing.T) {
	began := make(chan struct{})
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(began)
			<-r.Context().Done()
		}
	})
	slow, _ := w.dial()
	send(t, slow, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-began
	w.Close()
	if n := w.Connections(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

func TestRefusalsSayWhatIsWrong(t *testing.T) {
	l := generous
	l.Head, l.HeadBytes, l.Fields = 300*time.Millisecond, 1000, 5
	w := begin(t, l, func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s came through", r.RequestURI) })
	for sent, want := range map[string]string{
		"GET / HTTP/1.2\r\nHost: a\r\n\r\n":               "505",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n":               "505",
		"GET / HTTP/11.1\r\nHost: a\r\n\r\n":              "400",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                "400",
		"GET /\r\n\r\n":                                   "400",
		get + "X: " + strings.Repeat("x", 1000):           "431",
		get + strings.Repeat("X: x\r\n", 6) + "\r\n":      "431",
		post + "Transfer-Encoding: gzip, chunked\r\n\r\n": "501",
		"GET / HT": "408",
	} {
		if got := w.all(sent); !strings.HasPrefix(got, "HTTP/1.1 "+want) || !strings.Contains(got, "Connection: close") {
			t.Errorf("%q: %q, want %s", sent, got, want)
		}
	}
	if got := w.all(""); got != "" {
		t.Errorf("a connection that never asked was answered %q", got)
	}
}

// A client that is told goodbye may send its request elsewhere: what crosses is not answered, nor heeded.
func TestWhatCrossesTheGoodbyeIsLeftAlone(t *testing.T) {
	var asked int
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) { asked++ })
	c, r := w.dial()
	send(t, c, get+"\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	w.all(get + last) // by now the first is idle, or nearly
	for w.conns.list()[0].state.Load() != idle {
		time.Sleep(time.Millisecond)
	}
	w.CloseIdle()
	send(t, c, get+"\r\n")
	if got, err := io.ReadAll(r); len(got) > 0 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if asked != 2 {
		t.Errorf("%d requests were heeded", asked)
	}
}

func TestAFullServerFindsTheOneIdleConnection(t *testing.T) {
	l := generous
	l.Connections = 3 * look
	finish := make(chan struct{})
	w := begin(t, l, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-finish
		}
	})
	defer close(finish)
	for i := range l.Connections {
		c, r := w.dial()
		if i == 100 {
			send(t, c, get+"\r\n")
			if _, err := http.ReadResponse(r, nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		send(t, c, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	if got := w.all(get + last); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("got %q", got)
	}
}

func TestAConnectionWithoutADescriptorIsServed(t *testing.T) { // such as TLS
	w := beginOn(t, &piped{conns: make(chan net.Conn)}, generous, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") })
	near, far := net.Pipe()
	w.ln.(*piped).conns <- far
	for range 2 {
		go io.WriteString(near, get+"\r\n")
		got := make([]byte, 1000)
		if n, err := near.Read(got); err != nil || !strings.HasSuffix(string(got[:n]), "abc") {
			t.Fatalf("%q, %v", got[:n], err)
		}
	}
	near.Close()
}

// piped is a listener for connections that tests make.
type piped struct {
	conns chan net.Conn
}

func (p *piped) Accept() (net.Conn, error) {
	if c, more := <-p.conns; more {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p *piped) Close() error   { close(p.conns); return nil }
func (p *piped) Addr() net.Addr { return &net.TCPAddr{} }

func TestAConnectionThatRestsIsAnsweredStill(t *testing.T) {
	w := begin(t, generous, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") })
	c, r := w.dial()
	for range 2 {
		send(t, c, get+"\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, resp.Body, "abc")
		time.Sleep(restAfter * 3 / 2) // by now another goroutine waits
	}
}
