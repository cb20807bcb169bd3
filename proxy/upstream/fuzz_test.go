package upstream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// canned is a connection whose other side says one thing and ends.
type canned struct {
	net.Conn
	in      io.Reader
	written strings.Builder
}

func (c *canned) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *canned) Write(p []byte) (int, error) { return c.written.Write(p) }
func (c *canned) Close() error                { return nil }

// cannedHost answers one request with what in yields.
func cannedHost(in io.Reader) (*Host, *canned) {
	c := &canned{in: in}
	return New(discovery.Address{Scheme: "http", HostPort: "a:1"}, &Options{
		Dial: func(context.Context, string, string) (net.Conn, error) { return c, nil },
	}), c
}

// What we take for an answer, net/http takes for the same one; and how the bytes are cut into
// pieces makes no difference.
func FuzzAnswersMeanTheSameToNetHTTP(f *testing.F) {
	for _, c := range wholeAnswers {
		f.Add(c.raw, c.method == "HEAD")
	}
	for _, c := range badAnswers {
		if len(c.raw) < 1000 {
			f.Add(c.raw, false)
		}
	}
	f.Add("HTTP/1.1 103 Early Hints\r\n\r\n"+chunkedOK+"3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n", false)
	f.Fuzz(func(t *testing.T, raw string, head bool) {
		r := get("/")
		if head {
			r.Method = "HEAD"
		}
		h, _ := cannedHost(strings.NewReader(raw))
		resp, body, err := ask(t, h, r)
		slow, _ := cannedHost(bytewise{strings.NewReader(raw)})
		_, slowBody, slowErr := ask(t, slow, r)
		if (err == nil) != (slowErr == nil) || body != slowBody {
			t.Fatalf("in one piece %q, %v; byte by byte %q, %v", body, err, slowBody, slowErr)
		}
		if err != nil {
			return
		}
		in := bufio.NewReader(strings.NewReader(raw))
		other, err := http.ReadResponse(in, r)
		for err == nil && other.StatusCode < 200 && other.StatusCode != 101 {
			other, err = http.ReadResponse(in, r)
		}
		if err != nil {
			t.Fatalf("taken by us, refused by net/http: %v", err)
		}
		otherBody, err := io.ReadAll(other.Body)
		if err != nil || other.StatusCode != resp.StatusCode || string(otherBody) != body {
			t.Fatalf("we read %d %q, net/http %d %q, %v", resp.StatusCode, body, other.StatusCode, otherBody, err)
		}
		for name, values := range resp.Header {
			if name == "Connection" {
				continue // net/http takes it out
			}
			if strings.Join(values, "|") != strings.Join(other.Header[name], "|") {
				t.Fatalf("field %s: we read %q, net/http %q", name, values, other.Header[name])
			}
		}
	})
}

type bytewise struct{ r io.Reader }

func (b bytewise) Read(p []byte) (int, error) { return b.r.Read(p[:min(1, len(p))]) }

// Whatever a request holds, what is written is that one request and nothing behind it.
func FuzzARequestIsWrittenAsOneOrNotAtAll(f *testing.F) {
	f.Add("GET", "/a?b", "shop.example:80", "A", "b", "", "", int64(0))
	f.Add("POST", "/", "[::1]", "Content-Length", "5", "abc", "t", int64(-1))
	f.Add("PUT", "/\r\nX: y", "a b", "A\r\n", "b\r\n\r\nGET / HTTP/1.1", "0\r\n\r\n", "x\r\ny", int64(3))
	f.Fuzz(func(t *testing.T, method, target, host, name, value, body, trailer string, length int64) {
		h, c := cannedHost(strings.NewReader(""))
		r := &http.Request{Method: method, RequestURI: target, Host: host, Header: http.Header{name: {value}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: length}
		if length == -1 && trailer != "" {
			r.Trailer = http.Header{"T": {trailer}}
		}
		e := &exchange{host: h, r: r, ctx: t.Context(), budget: h.opt.MaxHead}
		if e.send() != nil {
			return
		}
		defer e.cut()
		if e.out != nil {
			<-e.out.done
			if e.out.clientError() != nil {
				return // what was written is unfinished, and the connection closed
			}
		}
		in := bufio.NewReader(strings.NewReader(c.written.String()))
		seen, err := http.ReadRequest(in)
		if err != nil {
			if strings.Contains(err.Error(), "invalid URL") || strings.Contains(err.Error(), "malformed Host") || strings.Contains(err.Error(), "invalid method") {
				return
			}
			t.Fatalf("%q cannot be read: %v", c.written.String(), err)
		}
		if seen.Method != method || seen.RequestURI != target {
			t.Fatalf("asked for %q %q, sent %q %q", method, target, seen.Method, seen.RequestURI)
		}
		got, err := io.ReadAll(seen.Body)
		if want := sentOf(body, length); err != nil || string(got) != want {
			t.Fatalf("body %q arrived as %q, error %v", want, got, err)
		}
		if rest, _ := io.ReadAll(in); len(rest) > 0 {
			t.Fatalf("%q was written behind the request", rest)
		}
	})
}

func sentOf(body string, length int64) string {
	if length < 0 {
		return body
	}
	return body[:min(int64(len(body)), length)]
}
