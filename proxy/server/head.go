package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// parse reads a request's head: the request line, the fields, and what they say of how it goes on.
func (x *exchange) parse(head string) error {
	line, fields, _ := strings.Cut(head, "\r\n")
	if err := x.parseLine(line); err != nil {
		return err
	}
	lines := wire.Lines(fields)
	if limit := x.c.server.Limits.Fields; lines > limit+1 {
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "%d fields, more than %d and the Host", lines, limit)
	}
	if cap(x.values) < lines {
		x.values = make([]string, lines)
	}
	x.values = x.values[:lines]
	if err := wire.ParseFields(fields, x.header, x.values); err != nil {
		return err
	}
	if err := x.takeHost(); err != nil {
		return err
	}
	return x.delimit()
}

// parseLine reads a request line (RFC 9112 section 3): a method, a target and a version, with one space between.
func (x *exchange) parseLine(line string) error {
	r := x.r
	method, rest, _ := strings.Cut(line, " ")
	target, proto, whole := strings.Cut(rest, " ")
	if !whole || !wire.Token(method) || !wire.Only(target, wire.TargetByte) || target == "" {
		return wire.Malformed("no request line")
	}
	switch {
	case proto == "HTTP/1.1":
		r.Proto, r.ProtoMajor, r.ProtoMinor = proto, 1, 1
	case proto == "HTTP/1.0":
		r.Proto, r.ProtoMajor, r.ProtoMinor = proto, 1, 0
	case method == "PRI":
		return wire.Malformed("HTTP/2 is not spoken here")
	case len(proto) == len("HTTP/1.1") && proto[:5] == "HTTP/" && digit(proto[5]) && proto[6] == '.' && digit(proto[7]):
		return refuse(http.StatusHTTPVersionNotSupported, "version %s", proto)
	default:
		return wire.Malformed("no version of HTTP")
	}
	r.Method, r.RequestURI = method, target
	return x.parseTarget(target)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// parseTarget makes the URL of a target, in any of the forms of RFC 9112 section 3.2. Most are a path of plain
// letters, perhaps with a query.
func (x *exchange) parseTarget(target string) error {
	path, query, asked := strings.Cut(target, "?")
	if plainPath(path) {
		x.url = url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
		x.r.URL = &x.url
		return nil
	}
	u, err := parseURL(x.r.Method, target)
	if err != nil {
		return refuse(http.StatusBadRequest, "target: %w", err)
	}
	x.r.URL = u
	return nil
}

// parseURL takes an authority, too, which is what CONNECT has.
func parseURL(method, target string) (*url.URL, error) {
	if method != http.MethodConnect || target[0] == '/' {
		return url.ParseRequestURI(target)
	}
	u, err := url.ParseRequestURI("http://" + target)
	if err == nil {
		u.Scheme = ""
	}
	return u, err
}

// plainPath reports whether a path means itself: it is the same encoded or not.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range len(path) {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '/', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// takeHost finds the one Host (RFC 9112 section 3.2); that of an absolute target goes before.
func (x *exchange) takeHost() error {
	r := x.r
	hosts := x.header["Host"]
	switch {
	case len(hosts) > 1:
		return wire.Malformed("more than one Host")
	case len(hosts) == 1 && !wire.Only(hosts[0], wire.HostByte):
		return wire.Malformed("Host is malformed")
	case len(hosts) == 1:
		r.Host = hosts[0]
	case r.ProtoMinor > 0:
		return wire.Malformed("no Host")
	}
	if r.URL.Host != "" {
		if r.Host = r.URL.Host; !wire.Only(r.Host, wire.HostByte) {
			return wire.Malformed("the target's host is malformed")
		}
	}
	delete(x.header, "Host")
	return nil
}

// delimit decides how the request goes on after its head (RFC 9112 section 6.3), and whether another one may
// follow (section 9.3).
func (x *exchange) delimit() error {
	r, h := x.r, x.header
	codings, lengths := h["Transfer-Encoding"], h["Content-Length"]
	if len(codings) > 0 {
		if err := checkCodings(codings, lengths, r.ProtoMinor); err != nil {
			return err
		}
		delete(h, "Transfer-Encoding")
		r.ContentLength = -1
		if err := x.announce(); err != nil {
			return err
		}
	}
	if len(lengths) > 1 {
		return wire.Malformed("more than one Content-Length")
	}
	if len(lengths) == 1 {
		n, err := wire.ParseLength(lengths[0])
		if err != nil {
			return err
		}
		r.ContentLength = n
	}
	connection := h["Connection"]
	r.Close = wire.HasToken(connection, "close") || r.ProtoMinor == 0 && !wire.HasToken(connection, "keep-alive")
	return nil
}

// checkCodings takes chunked alone. A length beside it is an attack, not a mistake (RFC 9112 section 6.1).
func checkCodings(codings, lengths []string, minor int) error {
	last := codings[len(codings)-1]
	last = wire.Trim(last[strings.LastIndexByte(last, ',')+1:])
	switch {
	case len(lengths) > 0:
		return wire.Malformed("both Transfer-Encoding and Content-Length")
	case !strings.EqualFold(last, "chunked"):
		return wire.Malformed("the last transfer coding is not chunked")
	case minor == 0:
		return wire.Malformed("Transfer-Encoding in HTTP/1.0")
	case len(codings) > 1 || len(codings[0]) != len(last):
		return refuse(http.StatusNotImplemented, "transfer codings %q", codings)
	}
	return nil
}

// announce makes of the field Trailer what net/http makes of it: a key without a value for each name.
func (x *exchange) announce() error {
	for _, v := range x.header["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = wire.Trim(name); name == "" {
				continue
			}
			key, fine := wire.Canonical(name)
			if !fine || key == "Transfer-Encoding" || key == "Trailer" || key == "Content-Length" {
				return refuse(http.StatusBadRequest, "%q cannot trail", name)
			}
			if x.r.Trailer == nil {
				x.r.Trailer = http.Header{}
			}
			x.r.Trailer[key] = nil
		}
	}
	delete(x.header, "Trailer")
	return nil
}

// switches reports whether a request wishes for another protocol, of which the next bytes may be already. h2c is
// none of them: nobody here changes to it.
func switches(h http.Header) bool {
	for _, v := range h["Upgrade"] {
		if !strings.EqualFold(v, "h2c") {
			return true
		}
	}
	return false
}
