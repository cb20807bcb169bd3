package upstream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// rawBackend answers as cheaply as can be, so that what is measured is the client. It takes
// requests with bodies of known length up to a buffer's size.
func rawBackend(b *testing.B, size int) discovery.Address {
	answer := []byte(ok + "Content-Type: text/plain\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + strings.Repeat("x", size))
	return listen(b, func(p *peer) {
		buf := make([]byte, 16<<10)
		for {
			n, err := p.Conn.Read(buf)
			if err != nil {
				return
			}
			if string(buf[n-4:n]) != "\r\n\r\n" && string(buf[n-3:n]) != "end" {
				continue
			}
			if _, err := p.Conn.Write(answer); err != nil {
				return
			}
		}
	})
}

// processTime is the CPU time that this process took so far.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type doer func(ctx context.Context, r *http.Request) (*http.Response, error)

// BenchmarkExchange compares the Host with net/http's Transport. cpu-ns/op counts the whole process,
// backend included; "floor" writes and reads the bytes and does nothing else, which is what both
// have in common.
func BenchmarkExchange(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
		body string
	}{{"get64", 64, ""}, {"get100k", 100 << 10, ""}, {"post1k", 64, strings.Repeat("y", 1021) + "end"}} {
		a := rawBackend(b, c.size)
		h := New(a, nil)
		transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
		b.Run(c.name+"/host", func(b *testing.B) {
			benchExchange(b, a, c.body, func(ctx context.Context, r *http.Request) (*http.Response, error) {
				return h.Do(ctx, r, Exchange{})
			})
		})
		b.Run(c.name+"/transport", func(b *testing.B) {
			benchExchange(b, a, c.body, func(ctx context.Context, r *http.Request) (*http.Response, error) {
				out := r.WithContext(ctx)
				out.RequestURI = ""
				return transport.RoundTrip(out)
			})
		})
		b.Run(c.name+"/floor", func(b *testing.B) { benchFloor(b, a, c.body, c.size) })
		h.Drain()
		transport.CloseIdleConnections()
	}
}

func benchExchange(b *testing.B, a discovery.Address, body string, do doer) {
	header := http.Header{"User-Agent": {"curl/8"}, "Accept": {"*/*"}, "Cookie": {"session=0123456789abcdef"},
		"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"http"}}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	buf := make([]byte, 32<<10)
	b.ReportAllocs()
	begin := processTime()
	for b.Loop() {
		r := &http.Request{Method: "GET", RequestURI: "/some/path?a=b", Host: "shop.example", Header: header,
			URL: &url.URL{Scheme: "http", Host: a.HostPort, Path: "/some/path", RawQuery: "a=b"}}
		if body != "" {
			r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader(body)), int64(len(body))
		}
		resp, err := do(ctx, r)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
	b.ReportMetric(float64(processTime()-begin)/float64(b.N), "cpu-ns/op")
}

func benchFloor(b *testing.B, a discovery.Address, body string, size int) {
	c, err := net.Dial("tcp", a.HostPort)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET /some/path?a=b HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8\r\nAccept: */*\r\nCookie: session=0123456789abcdef\r\n" +
		"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\r\n" + body)
	buf := make([]byte, 32<<10)
	begin := processTime()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		for n := 0; n < size; {
			m, err := c.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			n += m
		}
	}
	b.ReportMetric(float64(processTime()-begin)/float64(b.N), "cpu-ns/op")
}
