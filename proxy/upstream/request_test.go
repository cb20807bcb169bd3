package upstream

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestARequestIsWrittenByteForByte(t *testing.T) {
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", post(strings.NewReader(s), 0).Body, int64(len(s))
		}
	}
	for _, c := range []struct {
		name   string
		change func(r *http.Request)
		want   string
	}{
		{"as given", func(r *http.Request) {}, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"},
		{"9112 3.2.1: nothing of a target is mended", func(r *http.Request) { r.RequestURI = "//a/../%2f%2F%zz?\"<é>#x" },
			"GET //a/../%2f%2F%zz?\"<é>#x HTTP/1.1\r\nHost: shop.example\r\n\r\n"},
		{"without a raw target the URL's is taken", func(r *http.Request) { r.RequestURI, r.URL = "", &url.URL{Path: "/a b", RawQuery: "c"} },
			"GET /a%20b?c HTTP/1.1\r\nHost: shop.example\r\n\r\n"},
		{"9112 3.2.4: asterisk-form", func(r *http.Request) { r.Method, r.RequestURI = "OPTIONS", "*" },
			"OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n\r\n"},
		{"a field, its inner spaces kept", func(r *http.Request) { r.Header["x-A_b"] = []string{"1 \t2\xff"} },
			"GET / HTTP/1.1\r\nHost: shop.example\r\nx-A_b: 1 \t2\xff\r\n\r\n"},
		{"two values, in order", func(r *http.Request) { r.Header["A"] = []string{"1", ""} },
			"GET / HTTP/1.1\r\nHost: shop.example\r\nA: 1\r\nA: \r\n\r\n"},
		{"9112 6.2: no field rules the framing, in whatever spelling", func(r *http.Request) {
			r.Header = http.Header{"Content-Length": {"5"}, "transfer-encoding": {"chunked"}, "TRAILER": {"A"}, "host": {"evil"}}
		}, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"},
		{"9110 8.6: POST without a body says so", func(r *http.Request) { r.Method = "POST" },
			"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n\r\n"},
		{"9112 6.2: a body of known length", body("abc"),
			"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\nabc"},
		{"9112 7.1: a body of unknown length", func(r *http.Request) { body("abcdefghijklmnop")(r); r.ContentLength = -1 },
			"POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabcdefghijklmnop\r\n0\r\n\r\n"},
		{"9112 7.1: an empty body of unknown length", func(r *http.Request) { body("")(r); r.ContentLength = -1 },
			"POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"9112 7.1.2: trailers", func(r *http.Request) { body("a")(r); r.ContentLength, r.Trailer = -1, http.Header{"A": {"b"}} },
			"POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan string, 1)
			h := New(listen(t, func(p *peer) {
				raw := make([]byte, len(c.want))
				n := 0
				for n < len(raw) {
					m, err := p.Read(raw[n:])
					if n += m; err != nil {
						break
					}
				}
				got <- string(raw[:n])
				p.say(ok + "Content-Length: 0\r\n\r\n")
				p.waitEnd()
			}), nil)
			defer h.Drain()
			r := get("/")
			c.change(r)
			mustAsk(t, h, r)
			if s := soon(t, got, "the request"); s != c.want {
				t.Errorf("wrote\n%q, want\n%q", s, c.want)
			}
			if kept(h) != 1 {
				t.Error("the connection was not kept: more was written, or the upload did not end")
			}
		})
	}
}

func TestWithoutAHostTheBackendsAddressIsSent(t *testing.T) {
	got := make(chan string, 1)
	a := listen(t, func(p *peer) { got <- p.request().Host; p.say(ok + "Content-Length: 0\r\n\r\n") })
	r := get("/")
	r.Host = ""
	mustAsk(t, New(a, nil), r)
	if host := soon(t, got, "the request"); host != a.HostPort {
		t.Errorf("Host is %q, want %q", host, a.HostPort)
	}
}

// refusals are requests that must not leave, by what is wrong.
var refusals = map[string]func(r *http.Request){
	"CR LF in the target":       func(r *http.Request) { r.RequestURI = "/\r\nA: b" },
	"a space in the target":     func(r *http.Request) { r.RequestURI = "/ HTTP/1.1" },
	"NUL in the target":         func(r *http.Request) { r.RequestURI = "/\x00" },
	"a tab in the target":       func(r *http.Request) { r.RequestURI = "/\t" },
	"DEL in the target":         func(r *http.Request) { r.RequestURI = "/\x7f" },
	"an empty target":           func(r *http.Request) { r.RequestURI = "" },
	"absolute-form":             func(r *http.Request) { r.RequestURI = "http://evil/" },
	"authority-form":            func(r *http.Request) { r.RequestURI = "evil:443" },
	"asterisk-form with GET":    func(r *http.Request) { r.RequestURI = "*" },
	"LF in the method":          func(r *http.Request) { r.Method = "GET\n" },
	"a space in the method":     func(r *http.Request) { r.Method = "GET /a" },
	"an empty method":           func(r *http.Request) { r.Method = "" },
	"CONNECT":                   func(r *http.Request) { r.Method = "CONNECT" },
	"CR LF in the host":         func(r *http.Request) { r.Host = "a\r\nA: b" },
	"a space in the host":       func(r *http.Request) { r.Host = "a b" },
	"a slash in the host":       func(r *http.Request) { r.Host = "a/b" },
	"user information in Host":  func(r *http.Request) { r.Host = "a@b" },
	"LF in a field's name":      func(r *http.Request) { r.Header["A\n"] = []string{"b"} },
	"a space in a field's name": func(r *http.Request) { r.Header["A "] = []string{"b"} },
	"a colon in a field's name": func(r *http.Request) { r.Header["A:"] = []string{"b"} },
	"an empty field name":       func(r *http.Request) { r.Header[""] = []string{"b"} },
	"bare CR in a value":        func(r *http.Request) { r.Header["A"] = []string{"b\rc"} },
	"bare LF in a value":        func(r *http.Request) { r.Header["A"] = []string{"b\nc"} },
	"NUL in a value":            func(r *http.Request) { r.Header["A"] = []string{"b\x00c"} },
	"a body that is not there":  func(r *http.Request) { r.ContentLength = 3 },
	"a length below -1":         func(r *http.Request) { r.ContentLength = -2 },
	"a trailer named as framing": func(r *http.Request) {
		r.Body, r.ContentLength, r.Trailer = post(strings.NewReader("a"), 0).Body, -1, http.Header{"Content-Length": nil}
	},
	"a trailer that is no token": func(r *http.Request) {
		r.Body, r.ContentLength, r.Trailer = post(strings.NewReader("a"), 0).Body, -1, http.Header{"A\r\nB": nil}
	},
}

func TestWhatWouldBreakARequestApartIsNotWritten(t *testing.T) {
	for _, scheme := range []string{"http", "h2c"} {
		a := listen(t, func(p *peer) { t.Error("the backend was dialled"); p.waitEnd() })
		a.Scheme = scheme
		h := New(a, nil)
		for name, spoil := range refusals {
			t.Run(scheme+": "+name, func(t *testing.T) {
				r := get("/")
				spoil(r)
				_, _, err := ask(t, h, r)
				wantError(t, err, NothingWritten, OpRequest)
			})
		}
	}
}

func TestIdempotentMethodsAreThoseOfRFC9110(t *testing.T) {
	for method, want := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true, "PUT": true,
		"DELETE": true, "POST": false, "PATCH": false, "CONNECT": false, "get": false, "QUERY": false, "": false} {
		if Idempotent(method) != want {
			t.Errorf("Idempotent(%q) is %v, want %v", method, !want, want)
		}
	}
}
