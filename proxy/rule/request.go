package rule

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// A Request is an http.Request as rules see it. It is made once and asked by any number of
// rules, by one goroutine; the http.Request must not change meanwhile.
type Request struct {
	http  *http.Request
	named string // the host as the client named it: lower case, no port
	host  string // named without the dot of the root
	path  string

	client    netip.Addr
	hasClient bool
	query     url.Values
	hasQuery  bool
}

// NewRequest prepares r. It allocates only for a host in upper case and for a path that
// has percent-encodings in it.
func NewRequest(r *http.Request) Request {
	named := strings.ToLower(withoutPort(r.Host))
	return Request{http: r, named: named, host: withoutRootDot(named), path: pathOf(r.URL)}
}

// Host is the host that the request is for: in lower case, without a port, without the
// brackets of an IPv6 address, without the trailing dot. It may be empty.
func (q *Request) Host() string { return q.host }

// Path is the request's path as rules see it: percent-decoded, save for the reserved
// characters of RFC 3986 section 2.2 and for % itself, which stay encoded, in upper case. So
// PathPrefix(`/a b`) takes /a%20b, and Path(`/a/b`) does not take /a%2Fb.
func (q *Request) Path() string { return q.path }

// clientAddr is the address of the peer, never what a header says. Not valid if there is none.
func (q *Request) clientAddr() netip.Addr {
	if !q.hasClient {
		q.client, q.hasClient = parseClient(q.http.RemoteAddr), true
	}
	return q.client
}

// queryValues are the parameters of the query. A semicolon parts them as & does, as in
// Traefik; pairs that cannot be decoded are left out.
func (q *Request) queryValues(key string) []string {
	if !q.hasQuery {
		q.hasQuery = true
		if raw := q.http.URL.RawQuery; raw != "" {
			q.query, _ = url.ParseQuery(strings.ReplaceAll(raw, ";", "&"))
		}
	}
	return q.query[key]
}

// parseClient reads a RemoteAddr, with a port or without.
func parseClient(remote string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// withoutPort takes the port off a Host field. What is neither host:port nor an address in
// brackets is left as it is: an IPv6 address without brackets has colons, and no port.
func withoutPort(s string) string {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return s
	}
	if s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end > 0 && (end == len(s)-1 || end == colon-1) {
			return s[1:end]
		}
		return s
	}
	if strings.IndexByte(s, ':') != colon {
		return s
	}
	return s[:colon]
}

func withoutRootDot(host string) string {
	if n := len(host) - 1; n > 0 && host[n] == '.' {
		return host[:n]
	}
	return host
}

// reserved are the characters whose encoded form means something else than they do
// themselves: RFC 3986 section 2.2, and the percent sign.
const reserved = ":/?#[]@!$&'()*+,;=%"

// pathOf is what Request.Path documents. The common case costs no copy: where RawPath is
// empty, Path holds the decoded form of its own default encoding, in which of the
// reserved characters exactly those below are encoded.
func pathOf(u *url.URL) string {
	if u.RawPath == "" && !strings.ContainsAny(u.Path, "?#[]!'()*%") {
		return u.Path
	}
	return decode(u.EscapedPath())
}

// decode resolves the percent-encodings of all but the reserved characters. What is no
// percent-encoding stays as it is.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			b = append(b, s[i])
			continue
		}
		if c := unhex(s[i+1])<<4 | unhex(s[i+2]); strings.IndexByte(reserved, c) < 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', upper(s[i+1]), upper(s[i+2]))
		}
		i += 2
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'f' {
		return c - 'a' + 'A'
	}
	return c
}

func unhex(c byte) byte {
	if c = upper(c); c >= 'A' {
		return c - 'A' + 10
	}
	return c - '0'
}
