package upstream

import (
	"net/http"
	"strings"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// maxFields is how many field lines a head may have.
const maxFields = 1000

// parseHead reads a status line and the fields after it (RFC 9112 sections 4 and 5) into resp.
func parseHead(head string, resp *http.Response) error {
	line, fields, _ := strings.Cut(head, "\r\n")
	if err := parseStatus(line, resp); err != nil {
		return err
	}
	lines := wire.Lines(fields)
	if lines > maxFields {
		return wire.Malformed("too many fields")
	}
	resp.Header = make(http.Header, lines)
	return wire.ParseFields(fields, resp.Header, make([]string, lines))
}

// parseStatus takes HTTP/1.0 and 1.1 only. The space after the code may be missing when no reason
// follows: many leave it out, and nothing can be read into it.
func parseStatus(line string, resp *http.Response) error {
	const prefix = len("HTTP/1.1 ")
	if len(line) < prefix+3 || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return wire.Malformed("no status line of HTTP/1")
	}
	code := 0
	for _, d := range []byte(line[prefix : prefix+3]) {
		if d < '0' || d > '9' {
			return wire.Malformed("the status is not a number")
		}
		code = code*10 + int(d-'0')
	}
	if code < 100 {
		return wire.Malformed("the status is below 100")
	}
	if rest := line[prefix+3:]; rest != "" && (rest[0] != ' ' || !wire.Only(rest, wire.ValueByte)) {
		return wire.Malformed("the reason phrase is malformed")
	}
	resp.Status, resp.StatusCode = line[prefix:], code
	resp.Proto, resp.ProtoMajor, resp.ProtoMinor = line[:8], 1, int(line[7]-'0')
	return nil
}

// length is how an answer's body is delimited: so many bytes, or one of the following.
type length = int64

const (
	untilClose length = -1
	chunked    length = -2
)

// bodyLength decides it (RFC 9112 section 6.3), and whether the connection is good for another
// exchange thereafter. It takes out of the header what does not describe the answer itself.
func bodyLength(resp *http.Response, method string) (n length, keep bool, err error) {
	h := resp.Header
	keep = persistent(resp)
	codings, lengths := h["Transfer-Encoding"], h["Content-Length"]
	n = untilClose
	switch {
	case len(codings) > 0 && len(lengths) > 0:
		return 0, false, wire.Malformed("both Transfer-Encoding and Content-Length")
	case len(codings) > 0 && resp.ProtoMinor == 0:
		return 0, false, wire.Malformed("Transfer-Encoding in an HTTP/1.0 answer")
	case len(codings) > 1 || len(codings) == 1 && !strings.EqualFold(codings[0], "chunked"):
		return 0, false, wire.Malformed("Transfer-Encoding is not chunked alone")
	case len(codings) == 1:
		n = chunked
	case len(lengths) > 1:
		return 0, false, wire.Malformed("more than one Content-Length")
	case len(lengths) == 1:
		if n, err = wire.ParseLength(lengths[0]); err != nil {
			return 0, false, err
		}
	}
	resp.ContentLength = max(n, -1)
	switch status := resp.StatusCode; {
	case status < 200 || status == http.StatusNoContent:
		// Neither field may be there (RFC 9110 section 8.6, RFC 9112 section 6.1). Where one is,
		// bytes may follow that belong to nothing.
		keep = keep && (n == untilClose || n == 0)
		delete(h, "Content-Length")
		n, resp.ContentLength = 0, 0
	case status == http.StatusNotModified:
		n, resp.ContentLength = 0, 0
	case method == http.MethodHead:
		n = 0
	case n == chunked:
		resp.TransferEncoding = []string{"chunked"}
	case n == untilClose:
		keep = false
	}
	delete(h, "Transfer-Encoding")
	return n, keep, nil
}

// persistent reads RFC 9112 section 9.3.
func persistent(resp *http.Response) bool {
	connection := resp.Header["Connection"]
	if wire.HasToken(connection, "close") {
		return false
	}
	return resp.ProtoMinor == 1 || wire.HasToken(connection, "keep-alive")
}

// announcedTrailers takes the Trailer field out of the header and makes what net/http makes of
// it: a key without a value for each name.
func announcedTrailers(h http.Header) http.Header {
	var t http.Header
	for _, v := range h["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = wire.Trim(name); wire.Token(name) && wire.MayTrail(name) {
				if t == nil {
					t = make(http.Header)
				}
				t[http.CanonicalHeaderKey(name)] = nil
			}
		}
	}
	delete(h, "Trailer")
	return t
}
