package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// generous are limits that no test reaches unless it sets them.
var generous = Limits{Connections: 100, HeadBytes: 1 << 20, Fields: 100, Head: time.Hour}

// world is a server under test.
type world struct {
	*Server
	t    *testing.T
	ln   net.Listener
	log  *lockedBuffer
	over chan error // what Serve returned
}

// begin serves on loopback until the test's end. Refusals are answered with their error's text.
func begin(t *testing.T, l Limits, h http.HandlerFunc) *world {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return beginOn(t, ln, l, h)
}

func beginOn(t *testing.T, ln net.Listener, l Limits, h http.HandlerFunc) *world {
	t.Helper()
	w := &world{t: t, ln: ln, log: &lockedBuffer{}, over: make(chan error, 1)}
	w.Server = &Server{Handler: h, Limits: l, Log: zerolog.New(w.log), Refuse: func(rw http.ResponseWriter, r *http.Request, err error) {
		rw.WriteHeader(err.(interface{ Status() int }).Status())
		io.WriteString(rw, err.Error())
	}}
	go func() { w.over <- w.Serve(ln) }()
	t.Cleanup(func() {
		w.Close()
		ln.Close()
		if err := <-w.over; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		if t.Failed() {
			t.Log(w.log)
		}
	})
	return w
}

// dial opens a connection that fails the test rather than hang.
func (w *world) dial() (*net.TCPConn, *bufio.Reader) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.ln.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	return c.(*net.TCPConn), bufio.NewReader(c)
}

// all is everything that the server answers to text until it ends the connection.
func (w *world) all(text string) string {
	w.t.Helper()
	c, r := w.dial()
	defer c.Close()
	send(w.t, c, text)
	got, err := io.ReadAll(r)
	if err != nil {
		w.t.Errorf("%q: %v after %q", text, err, got)
	}
	return string(got)
}

func send(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); string(got) != want {
		t.Fatalf("read %q (%v), want %q", got[:n], err, want)
	}
}

// starved is a listener in a process without file descriptors, at first.
type starved struct {
	net.Listener
	failures int
}

func (l *starved) Accept() (net.Conn, error) {
	if l.failures--; l.failures >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptSlowsDownWithoutDescriptorsAndRecovers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w := beginOn(t, &starved{ln, 4}, generous, func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "recovered") })
	if got := w.all("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(got, "recovered") {
		t.Errorf("got %q", got)
	}
	if took := time.Since(began); took < 75*time.Millisecond { // 5 + 10 + 20 + 40 ms
		t.Errorf("4 failures took %v: it spins", took)
	}
	if log := w.log.String(); !strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, "too many open files") {
		t.Errorf("logged %q", log)
	}
}
