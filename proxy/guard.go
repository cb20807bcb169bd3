package proxy

import (
	"bytes"
	"strconv"
	"strings"
)

// A guard follows what a client sends, byte for byte, beside net/http's server, and finds what
// that server mends in silence: a bare LF as the end of a line, folded lines (RFC 9112 section 5.2),
// a length beside chunked, more than one length, a transfer coding in HTTP/1.0 (section 6.1 to 6.3), chunks whose
// lines do not end as they must (section 7.1). Each of them is how one request is smuggled inside another past a
// proxy in front of us that reads it differently (section 11.2). What the guard lets pass, it and the
// server delimit alike; what it does not know, the server refuses itself.
type guard struct {
	part part
	left int64  // bytes of the body or of the chunk that are still to come
	line []byte // the beginning of a line whose end has not come
	head head
}

// part is what comes next.
type part uint8

const (
	requestLine part = iota
	fieldLine
	wholeBody
	chunkLine
	chunkData
	chunkEnd
	trailerLine
	anything // after a wish for an upgrade: what comes may be another protocol
)

// head is what a request's head says of how it goes on.
type head struct {
	old     bool // not HTTP/1.1
	coded   bool // there is a Transfer-Encoding
	chunked bool // and its last coding is chunked
	lengths int
	length  int64
	upgrade bool
}

// misframed is why a request is refused. It is no network error, so that the server answers 400.
type misframed string

func (m misframed) Error() string { return string(m) }

// amidst tells whether a body is under way: its sender owes us more.
func (g *guard) amidst() bool { return g.part >= wholeBody && g.part <= trailerLine }

// pass tells how many bytes of b may be read, all of them unless there is an error. The end of
// a line that is at fault is not among them, so that the line is never acted on.
func (g *guard) pass(b []byte) (n int, err error) {
	for n < len(b) && g.part != anything {
		if g.part == wholeBody || g.part == chunkData {
			n += g.skip(len(b) - n)
			continue
		}
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			g.line = append(g.line, b[n:]...) // no longer than the server reads on without a line's end
			break
		}
		line := b[n : n+i+1]
		if g.line != nil {
			line, g.line = append(g.line, line...), nil
		}
		if err := g.take(line); err != nil {
			return n + i, err
		}
		n += i + 1
	}
	return len(b), nil
}

// skip passes over data, at most n bytes of it.
func (g *guard) skip(n int) int {
	m := int(min(g.left, int64(n)))
	if g.left -= int64(m); g.left > 0 {
		return m
	}
	if g.part == chunkData {
		g.part = chunkEnd
	} else {
		g.finish()
	}
	return m
}

// finish ends a request.
func (g *guard) finish() {
	g.part = requestLine
	if g.head.upgrade {
		g.part = anything
	}
}

// take reads a line that ends in LF.
func (g *guard) take(b []byte) error {
	line := b[:len(b)-1]
	if len(line) == 0 || bytes.IndexByte(line, '\r') != len(line)-1 {
		return misframed("a line ends in a bare LF, or there is a bare CR in it")
	}
	line = line[:len(line)-1]
	switch g.part {
	case requestLine:
		return g.begin(line)
	case fieldLine:
		if len(line) == 0 {
			return g.delimit()
		}
		return g.field(line)
	case chunkLine:
		return g.chunk(line)
	case chunkEnd:
		if len(line) > 0 {
			return misframed("a chunk is longer than its size")
		}
		g.part = chunkLine
	case trailerLine:
		switch {
		case len(line) == 0:
			g.finish()
		case folded(line):
			return misframed("a folded trailer field")
		}
	}
	return nil
}

// begin reads a request line. Empty lines before it are passed (RFC 9112 section 2.2).
func (g *guard) begin(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if bytes.HasPrefix(line, []byte("PRI ")) {
		return misframed("HTTP/2 is not spoken here")
	}
	g.part, g.head = fieldLine, head{old: !bytes.HasSuffix(line, []byte(" HTTP/1.1"))}
	return nil
}

// folded tells whether a line goes on with the one before it.
func folded(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// field reads a field line as far as it rules the framing. Names that are almost those are the
// server's to refuse: it takes no name that is not a token.
func (g *guard) field(line []byte) error {
	if folded(line) {
		return misframed("a folded field")
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch len(name) {
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			return g.contentLength(string(bytes.Trim(value, " \t")))
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			last := value[bytes.LastIndexByte(value, ',')+1:]
			g.head.coded, g.head.chunked = true, bytes.EqualFold(bytes.Trim(last, " \t"), []byte("chunked"))
		}
	case len("Upgrade"):
		if bytes.EqualFold(name, []byte("Upgrade")) && !strings.EqualFold(string(bytes.Trim(value, " \t")), "h2c") {
			g.head.upgrade = true
		}
	}
	return nil
}

// contentLength takes one field of digits. RFC 9110 section 8.6 would allow equal ones.
func (g *guard) contentLength(value string) error {
	n, err := strconv.ParseUint(value, 10, 63)
	if g.head.lengths++; err != nil || g.head.lengths > 1 {
		return misframed("Content-Length is not one number")
	}
	g.head.length = int64(n)
	return nil
}

// delimit decides at the end of a head how the request goes on (RFC 9112 section 6.3). A coding
// before chunked is the server's to refuse, by 501.
func (g *guard) delimit() error {
	switch h := g.head; {
	case h.coded && h.lengths > 0:
		return misframed("both Transfer-Encoding and Content-Length")
	case h.coded && !h.chunked:
		return misframed("the last transfer coding is not chunked")
	case h.coded && h.old:
		return misframed("Transfer-Encoding in HTTP/1.0")
	case h.coded:
		g.part = chunkLine
	case h.length > 0:
		g.part, g.left = wholeBody, h.length
	default:
		g.finish()
	}
	return nil
}

// chunk reads a chunk's first line: its size, and extensions, which nobody here understands and
// which end here (RFC 9112 section 7.1.1).
func (g *guard) chunk(line []byte) error {
	size, extension, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 63)
	if err != nil {
		return misframed("a chunk's size is not a number")
	}
	for _, c := range extension {
		if c < ' ' && c != '\t' || c == 0x7f {
			return misframed("a chunk's extension is malformed")
		}
	}
	if g.left = int64(n); n == 0 {
		g.part = trailerLine
	} else {
		g.part = chunkData
	}
	return nil
}
