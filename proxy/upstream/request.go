package upstream

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// appendHead writes the head of r behind b, or says why it must not be written.
func appendHead(b []byte, r *http.Request, addr string) ([]byte, error) {
	if err := checkLength(r); err != nil {
		return b, err
	}
	if !wire.Token(r.Method) || r.Method == http.MethodConnect {
		return b, wire.Malformed("method " + strconv.Quote(r.Method) + " cannot be sent")
	}
	target := requestTarget(r)
	if !originForm(r.Method, target) {
		return b, wire.Malformed("target " + strconv.Quote(target) + " cannot be sent")
	}
	host := r.Host
	if host == "" {
		host = addr
	}
	if !wire.Only(host, wire.HostByte) {
		return b, wire.Malformed("host " + strconv.Quote(host) + " cannot be sent")
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	b = append(b, "\r\n"...)
	b = appendFraming(b, r)
	b, err := appendFields(b, r.Header, false)
	if err != nil {
		return b, err
	}
	if r.ContentLength < 0 {
		for name := range r.Trailer {
			if !wire.Token(name) || framing(name) {
				return b, wire.Malformed("trailer " + strconv.Quote(name) + " cannot be sent")
			}
			b = append(b, "Trailer: "...)
			b = append(b, name...)
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...), nil
}

func requestTarget(r *http.Request) string {
	if r.RequestURI != "" || r.URL == nil {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// originForm of RFC 9112 section 3.2.1, or the asterisk-form of section 3.2.4. Octets beyond
// ASCII pass: browsers have sent them, and they cannot end a target.
func originForm(method, target string) bool {
	if target == "*" {
		return method == http.MethodOptions
	}
	return target != "" && target[0] == '/' && wire.Only(target, wire.TargetByte)
}

func checkLength(r *http.Request) error {
	if r.ContentLength < -1 {
		return wire.Malformed("content length is negative")
	}
	if r.ContentLength != 0 && (r.Body == nil || r.Body == http.NoBody) {
		return wire.Malformed("a body is announced and there is none")
	}
	return nil
}

// appendFraming says how long the body is (RFC 9112 section 6, RFC 9110 section 8.6).
func appendFraming(b []byte, r *http.Request) []byte {
	switch {
	case r.ContentLength < 0:
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.ContentLength > 0, r.Method == http.MethodPost, r.Method == http.MethodPut, r.Method == http.MethodPatch:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.ContentLength, 10)
		return append(b, "\r\n"...)
	}
	return b
}

// appendFields writes header fields, or trailer fields, without those that rule the framing:
// whatever their spelling, they come from the request alone.
func appendFields(b []byte, header http.Header, trailer bool) ([]byte, error) {
	for name, values := range header {
		if framing(name) {
			if trailer {
				return b, wire.Malformed("trailer " + strconv.Quote(name) + " cannot be sent")
			}
			continue
		}
		if !wire.Token(name) {
			return b, wire.Malformed("field name " + strconv.Quote(name) + " cannot be sent")
		}
		for _, v := range values {
			if !wire.Only(v, wire.ValueByte) {
				return b, wire.Malformed("the value of field " + name + " cannot be sent")
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	return b, nil
}

// framing reports whether a field rules how a message is delimited or routed.
func framing(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// offers reports whether r asks for an upgrade to the protocol (RFC 9110 section 7.8).
func offers(r *http.Request, protocol string) bool {
	return wire.HasToken(r.Header["Connection"], "Upgrade") && wire.HasToken(r.Header["Upgrade"], protocol)
}
