package proxy

import (
	"net"
	"strings"
	"testing"
)

// A request of a session takes 14 allocations at the time of writing, and a few more under the race detector, which
// has pools forget. net/http's server alone took more than the limit here.
func TestASmallRequestAllocatesLittle(t *testing.T) {
	w := begin(t)
	const answer = "HTTP/1.1 200 OK\r\nServer: a\r\nDate: Sun, 22 Nov 2026 19:47:26 GMT\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n"
	conns := make(chan net.Conn, 10)
	w.see(stickily, raw(t, 1, func(c net.Conn) {
		conns <- c
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
	t.Cleanup(func() { // the proxy would keep them
		close(conns)
		for c := range conns {
			c.Close()
		}
	})
	first, _ := new(browser).get(t, w.url())
	cookie := first.Cookies()[0]
	c, _ := dial(t, w)
	request := []byte("GET /products/42 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: " + cookie.Name + "=" + cookie.Value + "\r\n\r\n")
	page := make([]byte, 4096)
	allocated := testing.AllocsPerRun(1000, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(page); err != nil || n < 64 || page[n-1] != 'x' {
			t.Fatal(string(page[:n]), err)
		}
	})
	if allocated > 30 {
		t.Errorf("%v allocations", allocated)
	}
	t.Logf("%v allocations", allocated)
}
