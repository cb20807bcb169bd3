package upstream

import (
	"net/http"
	"strconv"
	"strings"
)

// maxFields is how many field lines a head may have.
const maxFields = 1000

// parseHead reads a status line and the fields after it (RFC 9112 sections 4 and 5) into resp.
func parseHead(head string, resp *http.Response) error {
	line, fields, _ := strings.Cut(head, "\r\n")
	if err := parseStatus(line, resp); err != nil {
		return err
	}
	h, err := parseFields(fields)
	resp.Header = h
	return err
}

// parseStatus takes HTTP/1.0 and 1.1 only. The space after the code may be missing when no reason
// follows: many leave it out, and nothing can be read into it.
func parseStatus(line string, resp *http.Response) error {
	const prefix = len("HTTP/1.1 ")
	if len(line) < prefix+3 || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return malformed("no status line of HTTP/1")
	}
	code := 0
	for _, d := range []byte(line[prefix : prefix+3]) {
		if d < '0' || d > '9' {
			return malformed("the status is not a number")
		}
		code = code*10 + int(d-'0')
	}
	if code < 100 {
		return malformed("the status is below 100")
	}
	if rest := line[prefix+3:]; rest != "" && (rest[0] != ' ' || !only(rest, valueByte)) {
		return malformed("the reason phrase is malformed")
	}
	resp.Status, resp.StatusCode = line[prefix:], code
	resp.Proto, resp.ProtoMajor, resp.ProtoMinor = line[:8], 1, int(line[7]-'0')
	return nil
}

// parseFields reads field lines up to the empty one. Whitespace before a colon and line folding
// are errors: RFC 9112 sections 5.1 and 5.2 would let a proxy mend them, or answer 502.
func parseFields(s string) (http.Header, error) {
	lines := strings.Count(s, "\n") - 1
	if lines > maxFields {
		return nil, malformed("too many fields")
	}
	h := make(http.Header, lines)
	values := make([]string, lines)
	for i := range lines {
		var line string
		line, s, _ = strings.Cut(s, "\r\n")
		name, value, found := strings.Cut(line, ":")
		if !found || !token(name) {
			return nil, malformed("a field's name is malformed")
		}
		if value = trim(value); !only(value, valueByte) {
			return nil, malformed("the value of field " + name + " is malformed")
		}
		key := http.CanonicalHeaderKey(name)
		if old := h[key]; old != nil {
			h[key] = append(old, value)
			continue
		}
		values[i] = value
		h[key] = values[i : i+1 : i+1]
	}
	return h, nil
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
		return 0, false, malformed("both Transfer-Encoding and Content-Length")
	case len(codings) > 0 && resp.ProtoMinor == 0:
		return 0, false, malformed("Transfer-Encoding in an HTTP/1.0 answer")
	case len(codings) > 1 || len(codings) == 1 && !strings.EqualFold(codings[0], "chunked"):
		return 0, false, malformed("Transfer-Encoding is not chunked alone")
	case len(codings) == 1:
		n = chunked
	case len(lengths) > 1:
		return 0, false, malformed("more than one Content-Length")
	case len(lengths) == 1:
		if n, err = parseLength(lengths[0]); err != nil {
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
	if hasToken(connection, "close") {
		return false
	}
	return resp.ProtoMinor == 1 || hasToken(connection, "keep-alive")
}

// parseLength takes digits only; not even the list of equal numbers that RFC 9110 section 8.6
// lets a recipient take.
func parseLength(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, malformed("Content-Length is not a number")
	}
	return int64(n), nil
}

// announcedTrailers takes the Trailer field out of the header and makes what net/http makes of
// it: a key without a value for each name.
func announcedTrailers(h http.Header) http.Header {
	var t http.Header
	for _, v := range h["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = trim(name); token(name) && mayTrail(name) {
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

// mayTrail keeps out of trailers what rules the framing or the connection (RFC 9110 section 6.5.1).
func mayTrail(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade":
		return false
	}
	return !framing(name)
}

// parseChunkSize reads a chunk's first line (RFC 9112 section 7.1): the size, and extensions,
// which mean nothing here.
func parseChunkSize(line []byte) (int64, error) {
	var n int64
	i := 0
	for ; i < len(line); i++ {
		d := hexDigit(line[i])
		if d < 0 {
			break
		}
		if n > (1<<63-1)>>4 {
			return 0, malformed("a chunk's size is too large")
		}
		n = n<<4 | int64(d)
	}
	if i == 0 {
		return 0, malformed("a chunk's size is not a number")
	}
	if rest := trim(string(line[i:])); len(line) > i && (rest == "" || rest[0] != ';' || !only(rest, valueByte)) {
		return 0, malformed("a chunk's extension is malformed")
	}
	return n, nil
}

func hexDigit(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	case 'A' <= b && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}
