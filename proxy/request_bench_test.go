package proxy

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// What a small request of a session costs, client and backend included, who allocate nothing.
func BenchmarkARequestOfASession(b *testing.B) {
	w := begin(b)
	w.Proxy.opt.Log = zerolog.Nop()
	const answer = "HTTP/1.1 200 OK\r\nServer: a\r\nDate: Sun, 22 Nov 2026 19:47:26 GMT\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"
	w.see(stickily, raw(b, 1, func(c net.Conn) {
		whole, page := []byte(answer+strings.Repeat("x", 64)), make([]byte, 4096)
		for {
			if _, err := c.Read(page); err != nil {
				return
			}
			if _, err := c.Write(whole); err != nil {
				return
			}
		}
	}))
	first, _ := new(browser).get(b, w.url())
	cookie := first.Cookies()[0]
	c, err := net.Dial("tcp", w.Addr("web").String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET /products/42 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: " + cookie.Name + "=" + cookie.Value + "\r\n\r\n")
	page := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if n, err := c.Read(page); err != nil || n < 64 || page[n-1] != 'x' {
			b.Fatal(string(page[:n]), err)
		}
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
}
