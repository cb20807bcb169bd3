package server

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// appendStatus appends a status line.
func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	return append(append(b, http.StatusText(status)...), "\r\n"...)
}

// appendFields appends the header of an answer, without the fields that the server writes itself and the trailers
// to come.
func (w *Writer) appendFields(b []byte) []byte {
	for name, values := range w.header {
		switch name {
		case "Connection", "Content-Length", "Transfer-Encoding":
			continue
		}
		if !strings.HasPrefix(name, http.TrailerPrefix) {
			b = appendField(b, name, values)
		}
	}
	return b
}

// appendField appends a field, and leaves out what would be more than that: a name that is none, a value with the
// end of a line in it.
func appendField(b []byte, name string, values []string) []byte {
	if !wire.Token(name) {
		return b
	}
	for _, v := range values {
		if !wire.Only(v, wire.ValueByte) {
			continue
		}
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, v...)
		b = append(b, "\r\n"...)
	}
	return b
}

// appendLength appends the field of a length.
func appendLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	return append(strconv.AppendInt(b, n, 10), "\r\n"...)
}

// trails reports whether a header announces trailers, or has some.
func trails(h http.Header) bool {
	if len(h["Trailer"]) > 0 {
		return true
	}
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// appendTrailers appends the fields that were announced in Trailer, and those by the prefix.
func (w *Writer) appendTrailers(b []byte) []byte {
	for _, v := range w.header["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = http.CanonicalHeaderKey(wire.Trim(name)); wire.MayTrail(name) {
				b = appendField(b, name, w.header[name])
			}
		}
	}
	for key, values := range w.header {
		if name, ours := strings.CutPrefix(key, http.TrailerPrefix); ours && wire.MayTrail(name) {
			b = appendField(b, name, values)
		}
	}
	return b
}
