package proxy

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// An attack is what somebody sends, and what becomes of it.
type attack struct {
	name, reference string
	sent            string
	answers         []int
	ends            bool     // the proxy closes the connection then
	received        []string // by the backend; see plainly
}

const (
	desync   = "J. Kettle, HTTP Desync Attacks: Request Smuggling Reborn, 2019"
	browser0 = "J. Kettle, Browser-Powered Desync Attacks, 2022"
	mustDie  = "J. Kettle, HTTP/1.1 must die: the desync endgame, 2025"
	funky    = "J. Jozwiak, Funky chunks: abusing ambiguous chunk line terminators, 2025"
)

// get and post are heads without their end.
const (
	get     = "GET / HTTP/1.1\r\nHost: shop.example\r\n"
	post    = "POST / HTTP/1.1\r\nHost: shop.example\r\n"
	chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
	hidden  = "GET /admin HTTP/1.1\r\nHost: shop.example\r\n\r\n"
)

// refused is an attack that no backend hears of, after which nothing more is read.
func refused(name, reference, sent string, status int) attack {
	return attack{name, reference, sent, []int{status}, true, nil}
}

// declined is one that no backend hears of, and the connection goes on.
func declined(name, reference, sent string, status int) attack {
	return attack{name, reference, sent, []int{status}, false, nil}
}

// tamed is one that reaches the backend in one meaning only.
func tamed(name, reference, sent string, received ...string) attack {
	answers := make([]int, len(received))
	for i := range answers {
		answers[i] = 200
	}
	return attack{name, reference, sent, answers, false, received}
}

var smuggling = []attack{
	refused("CL.TE", desync, post+"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400),
	refused("TE.CL", desync, post+"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n"+hidden, 400),
	refused("TE.TE, two fields", desync, post+"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
	refused("TE.TE, one list", desync, post+"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
	refused("chunked twice", "RFC 9112 section 6.1", post+"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
	refused("identity", "RFC 9112 section 6.1", post+"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 400),
	refused("coding xchunked", desync, post+"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
	refused("coding in quotes", desync, post+"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
	refused("coding after a vertical tab", desync, post+"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
	refused("coding with a parameter", desync, post+"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
	refused("space before the coding's colon", "CVE-2019-16276", post+"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
	refused("tab before the coding's colon", desync, post+"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
	refused("space before the coding's name", desync, post+" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
	refused("coding after a bare LF in another field", desync, post+"X: x\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
	refused("coding after a bare CR in another field", desync, post+"X: x\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
	refused("coding's name over two lines", desync, post+"Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n", 400),
	refused("folded coding", "RFC 9112 section 5.2", post+"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
	refused("chunked in HTTP/1.0", "RFC 9112 section 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
	refused("chunked and a length in HTTP/1.0", "RFC 9112 section 6.3", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
	refused("two lengths", "RFC 9112 section 6.3", post+"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
	refused("two equal lengths", "RFC 9112 section 6.3", post+"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
	refused("a list of lengths", "RFC 9110 section 8.6", post+"Content-Length: 3, 3\r\n\r\nabc", 400),
	refused("signed length", "CVE-2018-7159", post+"Content-Length: +3\r\n\r\nabc", 400),
	refused("negative length", "RFC 9110 section 8.6", post+"Content-Length: -1\r\n\r\nabc", 400),
	refused("length in hexadecimal", "RFC 9110 section 8.6", post+"Content-Length: 0x3\r\n\r\nabc", 400),
	refused("length in parts", "CVE-2018-7159", post+"Content-Length: 1 3\r\n\r\nabc", 400),
	refused("empty length", "RFC 9110 section 8.6", post+"Content-Length: \r\n\r\nabc", 400),
	refused("endless length", "RFC 9110 section 8.6", post+"Content-Length: 99999999999999999999\r\n\r\nabc", 400),
	refused("space before the length's colon", "CVE-2019-20444", post+"Content-Length : 3\r\n\r\nabc", 400),
	refused("length's name with a NUL", desync, post+"Content-Length\x00: 3\r\n\r\nabc", 400),
	tamed("length in other spellings", "CGI, RFC 3875 section 4.1.18", get+"Content_Length: 43\r\nContent.Length: 43\r\nTransfer_Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\nHost: shop.example\n\n"),
	tamed("CL.0", browser0, post+"Content-Length: 43\r\n\r\n"+hidden, "POST / HTTP/1.1\nContent-Length: 43\nHost: shop.example\n\n"+hidden),
	tamed("body of a GET", "RFC 9110 section 9.3.1", get+"Content-Length: 43\r\n\r\n"+hidden, "GET / HTTP/1.1\nContent-Length: 43\nHost: shop.example\n\n"+hidden),
	tamed("chunk extensions", "RFC 9112 section 7.1.1", chunked+"3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n",
		"POST / HTTP/1.1\nHost: shop.example\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n0\r\n\r\n"),
	tamed("pipelined requests", "RFC 9112 section 9.3.2", get+"\r\n"+hidden, "GET / HTTP/1.1\nHost: shop.example\n\n", "GET /admin HTTP/1.1\nHost: shop.example\n\n"),
	{"bad request after a good one", "RFC 9112 section 9.3.2", get + "\r\n" + get + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
		[]int{200, 400}, true, []string{"GET / HTTP/1.1\nHost: shop.example\n\n"}},
	{"request hidden behind a refused upgrade", "M. Egorov, websocket-smuggle, 2019", get + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n\r\n" + hidden,
		[]int{200}, true, []string{"GET / HTTP/1.1\nConnection: Upgrade\nHost: shop.example\nSec-Websocket-Version: 777\nUpgrade: websocket\n\n"}},
	declined("obscure expectation", mustDie, post+"Expect: y 100-continue\r\nContent-Length: 3\r\n\r\nabc", 417),
	tamed("expectation without a body", mustDie, get+"Expect: 100-continue\r\n\r\n", "GET / HTTP/1.1\nHost: shop.example\n\n"),
	refused("bare LF after the request line", "RFC 9112 section 2.2", "GET / HTTP/1.1\nHost: shop.example\r\n\r\n", 400),
	refused("bare LFs throughout", "RFC 9112 section 2.2", "GET / HTTP/1.1\nHost: shop.example\n\n", 400),
	refused("bare LF for the empty line", "RFC 9112 section 2.2", get+"\n"+hidden, 400),
	refused("folded field", "RFC 9112 section 5.2", get+"X: a\r\n b\r\n\r\n", 400),
	refused("folded request line", "RFC 9112 section 2.2", "GET / HTTP/1.1\r\n X: y\r\nHost: shop.example\r\n\r\n", 400),
	refused("HTTP/0.9", "RFC 9112 section 2.3", "GET /\r\n\r\n", 400),
	refused("HTTP/1.1 in small letters", "RFC 9112 section 2.3", "GET / http/1.1\r\nHost: shop.example\r\n\r\n", 400),
	refused("space in the target", "RFC 9112 section 3.2", "GET /a b HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	refused("two spaces in the request line", "RFC 9112 section 3", "GET  / HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	refused("method that is no token", "RFC 9110 section 9.1", "GE<T / HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
}

// cutOff are bodies that turn out to be none. The backend may have seen their beginning, never
// their end.
var cutOff = []attack{
	refused("bare LF after a chunk's size", "CVE-2025-22871", chunked+"3\nabc\r\n0\r\n\r\n", 400),
	refused("bare LF in a chunk's extension", funky, chunked+"3;\nabc\r\n0\r\n\r\n", 400),
	refused("bare CR in a chunk's extension", funky, chunked+"3;a\rb\r\nabc\r\n0\r\n\r\n", 400),
	refused("NUL in a chunk's extension", funky, chunked+"3;\x00\r\nabc\r\n0\r\n\r\n", 400),
	refused("chunk longer than its size", funky, chunked+"3\r\nabcXX0\r\n\r\n", 400),
	refused("bare LF after a chunk's data", funky, chunked+"3\r\nabc\n0\r\n\r\n", 400),
	refused("size with 0x", "CVE-2021-22960", chunked+"0x3\r\nabc\r\n0\r\n\r\n", 400),
	refused("signed size", "RFC 9112 section 7.1", chunked+"+3\r\nabc\r\n0\r\n\r\n", 400),
	refused("size that overflows", "CVE-2013-2028", chunked+"ffffffffffffffff3\r\nabc\r\n0\r\n\r\n", 400),
	refused("empty size", "RFC 9112 section 7.1", chunked+"\r\nabc\r\n0\r\n\r\n", 400),
	refused("folded trailer", "RFC 9112 section 5.2", chunked+"0\r\n X: y\r\n\r\n", 400),
	refused("bare LF at the end of the trailers", funky, chunked+"0\r\n\n"+hidden, 400),
}

var heads = []attack{
	refused("no Host", "RFC 9112 section 3.2", "GET / HTTP/1.1\r\n\r\n", 400),
	refused("two Hosts", "RFC 9112 section 3.2", get+"Host: evil.example\r\n\r\n", 400),
	refused("two equal Hosts", "RFC 9112 section 3.2", get+"Host: shop.example\r\n\r\n", 400),
	refused("space before the Host's colon", "J. Kettle, Cracking the lens, 2017", get+"Host : evil.example\r\n\r\n", 400),
	refused("Host with a space", "RFC 9112 section 3.2", "GET / HTTP/1.1\r\nHost: shop.example evil\r\n\r\n", 400),
	refused("Host with a path", "RFC 9112 section 3.2", "GET / HTTP/1.1\r\nHost: shop.example/x\r\n\r\n", 400),
	refused("Host with a user", "RFC 9112 section 3.2", "GET / HTTP/1.1\r\nHost: a@shop.example\r\n\r\n", 400),
	refused("Host with a letter beyond ASCII", "RFC 3986 section 3.2.2", "GET / HTTP/1.1\r\nHost: sh\xc3\xb6p.example\r\n\r\n", 400),
	tamed("absolute-form with another Host", "RFC 9112 section 3.2.2", "GET http://other.example/x HTTP/1.1\r\nHost: shop.example\r\n\r\n",
		"GET /x HTTP/1.1\nHost: other.example\n\n"),
	declined("absolute-form with a user", "RFC 9110 section 4.2.4", "GET http://a@shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	refused("absolute-form with a quote in the host", "RFC 3986 section 3.2.2", "GET http://a\"b/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	declined("absolute-form of another scheme", "J. Kettle, Cracking the lens, 2017", "GET ftp://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	declined("authority-form", "RFC 9112 section 3.2.3", "GET shop.example:80 HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	declined("asterisk-form of a GET", "RFC 9112 section 3.2.4", "GET * HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	refused("target that begins with @", "J. Kettle, Cracking the lens, 2017", "GET @evil.example/x HTTP/1.1\r\nHost: shop.example\r\n\r\n", 400),
	declined("CONNECT", "RFC 9110 section 9.3.6", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 405),
	declined("TRACE", "J. Grossman, Cross-site tracing, 2003", "TRACE / HTTP/1.1\r\nHost: shop.example\r\n\r\n", 405),
	refused("NUL in a value", "RFC 9110 section 5.5", get+"X: a\x00b\r\n\r\n", 400),
	refused("bare CR in a value", "RFC 9110 section 5.5", get+"X: a\rb\r\n\r\n", 400),
	refused("name with a space", "RFC 9112 section 5.1", get+"X y: a\r\n\r\n", 400),
	refused("empty name", "RFC 9112 section 5", get+": a\r\n\r\n", 400),
	refused("line without a colon", "RFC 9112 section 5", get+"X\r\n\r\n", 400),
	tamed("encoded line ends in target", "CWE-113", "GET /a%0d%0aX:%20y?b=%0d%0aX HTTP/1.1\r\nHost: shop.example\r\n\r\n",
		"GET /a%0D%0AX:%20y?b=%0d%0aX HTTP/1.1\nHost: shop.example\n\n"),
	tamed("nominated fields of ours", "N. Davison, Abusing HTTP hop-by-hop request headers, 2019",
		get+"Connection: X-Forwarded-For, X-Real-Ip, X-Forwarded-Host, Host\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", "GET / HTTP/1.1\nHost: shop.example\n\n"),
	tamed("nominated length", "N. Davison, Abusing HTTP hop-by-hop request headers, 2019",
		post+"Connection: Content-Length\r\nContent-Length: 3\r\n\r\nabc", "POST / HTTP/1.1\nContent-Length: 3\nHost: shop.example\n\nabc"),
	tamed("forged origins", "CWE-348", get+"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /a\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Scheme: https\r\n\r\n",
		"GET / HTTP/1.1\nHost: shop.example\n\n"),
	tamed("forged origins in other spellings", "CVE-2024-45410; RFC 3875 section 4.1.18",
		get+"X_Forwarded_For: 1.2.3.4\r\nX_FORWARDED-PROTO: https\r\nX.Forwarded.For: 1.2.3.4\r\nx!real~ip: 1.2.3.4\r\n\r\n", "GET / HTTP/1.1\nHost: shop.example\n\n"),
	tamed("httpoxy", "CVE-2016-5385", get+"Proxy: http://evil.example/\r\n\r\n", "GET / HTTP/1.1\nHost: shop.example\n\n"),
	tamed("trailers that claim to be ours", "RFC 9110 section 6.5.1", post+"Transfer-Encoding: chunked\r\nConnection: X-Secret\r\nTrailer: X-Sum, X-Forwarded-For, X-Secret\r\n\r\n"+
		"0\r\nX-Sum: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Secret: 2\r\nX_Real_Ip: 1.2.3.4\r\nHost: evil.example\r\n\r\n",
		"POST / HTTP/1.1\nHost: shop.example\nTrailer: X-Sum\nTransfer-Encoding: chunked\n\n0\r\nX-Sum: 1\r\n\r\n"),
	tamed("h2c smuggling", "J. Miller, h2c smuggling, 2020", get+"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
		"GET / HTTP/1.1\nHost: shop.example\n\n"),
	tamed("h2c smuggling, settings not nominated", "S. Pearlman, h2c smuggling in the wild, 2021", get+"Connection: Upgrade\r\nUpgrade: H2C\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
		"GET / HTTP/1.1\nHost: shop.example\n\n"),
	{"h2c beside another protocol", "J. Miller, h2c smuggling, 2020", get + "Connection: Upgrade\r\nUpgrade: other, h2c\r\n\r\n", []int{200}, true,
		[]string{"GET / HTTP/1.1\nHost: shop.example\n\n"}},
	refused("HTTP/2 with prior knowledge", "RFC 9113 section 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
}

func TestAttacks(t *testing.T) {
	w := begin(t)
	var backend recorder
	w.see(discovery.Service{}, backend.task(t, 1))
	for _, a := range slices.Concat(smuggling, heads) {
		got, seen, ended := statuses(t, w, &backend, a.sent, len(a.answers))
		if !slices.Equal(got, a.answers) || ended != a.ends {
			t.Errorf("%s (%s): answered %v, closed %v; want %v, %v", a.name, a.reference, got, ended, a.answers, a.ends)
		}
		if !slices.Equal(seen, a.received) {
			t.Errorf("%s (%s): the backend received\n%q, want\n%q", a.name, a.reference, seen, a.received)
		}
	}
}

func TestBodiesThatTurnOutToBeNoneNeverLookWhole(t *testing.T) {
	w := begin(t)
	var backend recorder
	w.see(discovery.Service{}, backend.task(t, 1))
	for _, a := range cutOff {
		got, seen, ended := statuses(t, w, &backend, a.sent, 1)
		if !slices.Equal(got, a.answers) || !ended {
			t.Errorf("%s (%s): answered %v, closed %v; want %v", a.name, a.reference, got, ended, a.answers)
		}
		if slices.ContainsFunc(seen, func(s string) bool { return s != "cut off" }) {
			t.Errorf("%s (%s): the backend received %q", a.name, a.reference, seen)
		}
	}
}

func TestConfusingPathsAreOnePathOrNone(t *testing.T) {
	w := begin(t)
	var backend recorder
	w.see(discovery.Service{}, backend.task(t, 1))
	for target, want := range map[string]string{ // O. Tsai, Breaking parser logic, 2018; CVE-2025-66490
		"/static/../admin":         "/admin",
		"/static/..":               "/",
		"/static/%2e%2e/admin":     "/admin",
		"/static/.%2E/admin":       "/admin",
		"/../../admin":             "/admin",
		"//admin//":                "/admin/",
		"///evil.example/x":        "/evil.example/x",
		"/./admin/.":               "/admin/",
		"/%61dmin":                 "/admin",
		"/static/..;/admin":        "/static/..;/admin", // a path parameter to Tomcat alone
		"/static/..%2fadmin":       "/static/..%2Fadmin",
		"/static/%252e%252e/admin": "/static/%252e%252e/admin",
		"/admin%20":                "/admin%20",
		"/admin?a=/../b":           "/admin?a=/../b",
		"/admin%3fx":               "/admin%3Fx",
		`/static/..\admin`:         "",
		"/static/..%5cadmin":       "",
		"/admin%00.png":            "",
		"/admin#x":                 "",
		"/admin%":                  "",
		"/admin%zz":                "",
	} {
		sent := "GET " + target + " HTTP/1.1\r\nHost: shop.example\r\n\r\n"
		got, seen, _ := statuses(t, w, &backend, sent, 1)
		if want == "" && (got[0] != 400 || seen != nil) || want != "" && !strings.HasPrefix(strings.Join(seen, ""), "GET "+want+" HTTP/1.1\n") {
			t.Errorf("%s: %v, the backend received %q, want %q", target, got, seen, want)
		}
	}
}
