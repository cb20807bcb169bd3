package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// recorder is a backend that answers "ok" and remembers what it received, byte for byte.
type recorder struct {
	mu       sync.Mutex
	received []string
	conns    []net.Conn
}

// task is the backend. Each request is answered once it is whole.
func (rec *recorder) task(t *testing.T, n int) discovery.Task {
	backend := raw(t, n, func(c net.Conn) {
		rec.mu.Lock()
		rec.conns = append(rec.conns, c)
		rec.mu.Unlock()
		var seen bytes.Buffer
		in := bufio.NewReader(io.TeeReader(c, &seen)) // one request comes at a time
		for {
			r, err := http.ReadRequest(in)
			if err == nil {
				_, err = io.Copy(io.Discard, r.Body)
			}
			if seen.Len() > 0 {
				rec.add(seen.String(), err == nil)
			}
			if err != nil {
				return
			}
			seen.Reset()
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
				return
			}
		}
	})
	t.Cleanup(func() { // the proxy would keep them
		rec.mu.Lock()
		defer rec.mu.Unlock()
		for _, c := range rec.conns {
			c.Close()
		}
	})
	return backend
}

func (rec *recorder) add(text string, whole bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if whole {
		rec.received = append(rec.received, plainly(text))
	} else {
		rec.received = append(rec.received, "cut off")
	}
}

// take returns what was received since it was last asked.
func (rec *recorder) take() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	got := rec.received
	rec.received = nil
	return got
}

// plainly is a request without what we always add, if that is as it should be: its fields
// sorted, its head's lines ended by LF alone. The body is as it was.
func plainly(request string) string {
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	hostname, err := os.Hostname()
	if err != nil {
		return err.Error()
	}
	host, proto := "", "http"
	for _, line := range lines {
		if v, ok := strings.CutPrefix(line, "Host: "); ok {
			host = v
		}
		if line == "Upgrade: websocket" {
			proto = "ws"
		}
	}
	for _, ours := range []string{"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "X-Forwarded-Proto: " + proto, "X-Forwarded-Host: " + host,
		"X-Forwarded-Port: 80", "X-Forwarded-Server: " + hostname} {
		i := slices.Index(lines, ours)
		if i < 0 {
			return "no " + ours + " in " + request
		}
		lines = slices.Delete(lines, i, i+1)
	}
	return strings.Join(lines, "\n") + "\n\n" + body
}

// statuses sends text and reads so many answers, and after them either the connection's end or,
// if it goes on, the answer to one more request, which nothing before it may have upset.
func statuses(t *testing.T, w *world, rec *recorder, text string, n int) (got []int, seen []string, ended bool) {
	t.Helper()
	c, r := dial(t, w)
	defer c.Close()
	send(t, c, text)
	for range n {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("%q: %v after %v", text, err, got)
			return got, rec.take(), true
		}
		got = append(got, resp.StatusCode)
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		ended = resp.Close
	}
	if ended {
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			t.Errorf("%q: more was answered: %q", text, rest)
		}
		return got, rec.take(), true
	}
	seen = rec.take()
	send(t, c, "GET /afterwards HTTP/1.1\r\nHost: after.example\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%q: afterwards %v, %v", text, resp, err)
		return got, seen, true
	}
	expect(t, resp.Body, "ok")
	if after := rec.take(); !slices.Equal(after, []string{"GET /afterwards HTTP/1.1\nHost: after.example\n\n"}) {
		t.Errorf("%q: afterwards the backend received %q", text, after)
	}
	return got, seen, false
}
