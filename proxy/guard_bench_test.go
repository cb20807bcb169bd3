package proxy

import "testing"

// What the guard adds to a request of a browser: less than a microsecond, and no allocation.
func BenchmarkTheGuardOnABrowsersHead(b *testing.B) {
	head := []byte("GET /products/42?color=red HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\n" +
		"Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n" +
		"Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n")
	b.ReportAllocs()
	b.SetBytes(int64(len(head)))
	var g guard
	for b.Loop() {
		if n, err := g.pass(head); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}
