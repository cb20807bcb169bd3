package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// canned is a connection whose other side says one thing, in pieces of a size, and ends.
type canned struct {
	in      *bytes.Reader
	size    int
	written bytes.Buffer
}

func (c *canned) Read(p []byte) (int, error)     { return c.in.Read(p[:min(len(p), c.size)]) }
func (c *canned) Write(p []byte) (int, error)    { return c.written.Write(p) }
func (*canned) Close() error                     { return nil }
func (*canned) CloseWrite() error                { return nil }
func (*canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*canned) SetDeadline(time.Time) error      { return nil }
func (*canned) SetReadDeadline(time.Time) error  { return nil }
func (*canned) SetWriteDeadline(time.Time) error { return nil }

// seenRequest is a request as a handler saw it.
type seenRequest struct {
	Method, Target, Host, Proto, Body string
	Header, Trailer                   http.Header
}

// takenOf is all that a server takes for requests in a text that comes in pieces of a size, and the statuses with which it refuses.
func takenOf(text string, size int) (all []seenRequest, refused []int) {
	s := &Server{Limits: Limits{Connections: 1, HeadBytes: 1 << 16, Fields: 100}, Log: zerolog.Nop()}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		header := r.Header.Clone()
		delete(header, "Content-Length")
		all = append(all, seenRequest{strings.Clone(r.Method), r.RequestURI, r.Host, r.Proto, string(body), header, r.Trailer})
	})
	s.Refuse = func(w http.ResponseWriter, r *http.Request, err error) {
		refused = append(refused, err.(interface{ Status() int }).Status())
	}
	s.init()
	c := newConn(s, &canned{in: bytes.NewReader([]byte(text)), size: size})
	if s.conns.admit(c) {
		c.serve()
	}
	return all, refused
}

// What the server takes for a request, net/http takes for the same one; and how the bytes are cut into pieces makes
// no difference. Or else a request could hide in another's body.
func FuzzRequestsMeanTheSameToNetHTTP(f *testing.F) {
	for _, text := range []string{
		get + "\r\n" + get + "\r\n",
		"\r\nGET http://b/x?y HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /%41 HTTP/1.1\r\nhost: a:80\r\nx-y: \t z \r\nX-Y: b\r\n\r\n",
		post + "Content-Length: 3\r\n\r\nabc" + get + "\r\n",
		post + "Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3;x=\"y\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n" + get + "\r\n",
		post + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
		post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n", get + "X: a\r\n b\r\n\r\n", get + "X : a\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", get + "Upgrade: websocket\r\n\r\n" + get,
	} {
		f.Add(text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		all, refused := takenOf(text, len(text)+1)
		pieces, refusedToo := takenOf(text, int(size)+1)
		if len(all) != len(pieces) || !slices.Equal(refused, refusedToo) {
			t.Fatalf("in one piece %v, refused %v; in pieces of %d %v, refused %v", all, refused, int(size)+1, pieces, refusedToo)
		}
		in := bufio.NewReader(strings.NewReader(text))
		for i, got := range all {
			for { // net/http's server passes over empty lines after a POST only
				if b, err := in.Peek(2); err != nil || string(b) != "\r\n" {
					break
				}
				_, _ = in.Discard(2)
			}
			r, err := http.ReadRequest(in)
			if err != nil {
				t.Fatalf("request %d, %+v: taken by us, refused by net/http: %v", i, got, err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != got.Body {
				t.Fatalf("request %d: its body is %q to us, %q, %v to net/http", i, got.Body, body, err)
			}
			if r.Method != got.Method || r.RequestURI != got.Target || r.Host != got.Host || r.Proto != got.Proto {
				t.Fatalf("request %d: %+v to us, %s %s %s %s to net/http", i, got, r.Method, r.RequestURI, r.Host, r.Proto)
			}
			sameFields(t, got.Header, r.Header)
			sameFields(t, got.Trailer, r.Trailer)
			strict(t, text)
		}
	})
}

func sameFields(t *testing.T, ours, theirs http.Header) {
	t.Helper()
	for name, values := range ours {
		if !slices.Equal(values, theirs[name]) {
			t.Fatalf("field %s is %q to us, %q to net/http", name, values, theirs[name])
		}
	}
}

// strict checks what the grammar says of the first head, which was taken.
func strict(t *testing.T, text string) {
	t.Helper()
	for strings.HasPrefix(text, "\r\n") {
		text = text[len("\r\n"):]
	}
	head, _, whole := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	if !whole || strings.ContainsAny(strings.Join(lines, ""), "\r\n\x00") {
		t.Fatalf("a head with the end of a line where none may be: %q", head)
	}
	lengths, codings := 0, 0
	for _, line := range lines[1:] {
		name, _, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t\"(),/:;<=>?@[\\]{}") {
			t.Fatalf("a field that is none: %q", line)
		}
		if strings.EqualFold(name, "Content-Length") {
			lengths++
		}
		if strings.EqualFold(name, "Transfer-Encoding") {
			codings++
		}
	}
	if lengths+codings > 1 {
		t.Fatalf("more than one length: %q", head)
	}
}

// Whatever a handler says, what is written is one answer, and net/http reads what was meant.
func FuzzAnAnswerIsOne(f *testing.F) {
	f.Add("Content-Type", "text/plain", "body", uint16(200), false, int16(-1))
	f.Add("X\r\nY: z", "a\r\n\r\nHTTP/1.1 200 OK", "0\r\n\r\n", uint16(404), true, int16(5))
	f.Fuzz(func(t *testing.T, name, value, body string, status uint16, flush bool, length int16) {
		if status < 200 || status > 999 || http.CanonicalHeaderKey(name) == "Connection" {
			return
		}
		said := &canned{in: bytes.NewReader([]byte(get + "\r\n")), size: 1000}
		s := &Server{Limits: Limits{Connections: 1, HeadBytes: 1 << 16, Fields: 100}, Log: zerolog.Nop()}
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()[name] = []string{value}
			if length >= 0 {
				w.Header()["Content-Length"] = []string{string(appendDigits(nil, length))}
			}
			w.WriteHeader(int(status))
			if flush {
				w.(http.Flusher).Flush()
			}
			io.WriteString(w, body)
		})
		s.init()
		c := newConn(s, said)
		if s.conns.admit(c) {
			c.serve()
		}
		in := bufio.NewReader(&said.written)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%q: %v", said.written.String(), err)
		}
		got, err := io.ReadAll(resp.Body)
		whole := err == nil
		fits := length < 0 || int(length) == len(body)
		if bare := status == 204 || status == 304; !bare && whole && fits && string(got) != body || resp.StatusCode != int(status) {
			t.Fatalf("%d %q arrived as %d %q", status, body, resp.StatusCode, got)
		}
		if rest, _ := io.ReadAll(in); whole && len(rest) > 0 {
			t.Fatalf("%q was written behind the answer", rest)
		}
	})
}

func appendDigits(b []byte, n int16) []byte {
	if n >= 10 {
		b = appendDigits(b, n/10)
	}
	return append(b, byte('0'+n%10))
}
