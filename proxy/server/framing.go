package server

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// framing is how an answer is delimited (RFC 9112 section 6.3).
type framing uint8

const (
	open       framing = iota // not yet decided: all there is may fit into one piece
	counted                   // by Content-Length
	chunked                   // by chunks
	untilClose                // by the connection's end
	bodiless                  // by its head: it has none
)

// endRoom is what the framing of an answer in one piece may take of a page.
const endRoom = 64

// beginAnswer puts the head in the buffer, and leaves room for the framing if that is open.
func (w *Writer) beginAnswer() {
	w.decide()
	now := time.Now()
	w.buf = w.appendFields(appendStatus(w.buf, w.status))
	if w.header["Date"] == nil {
		w.buf = append(w.buf, w.x.c.server.clock.line(now)...)
	}
	switch {
	case w.status == http.StatusSwitchingProtocols:
		w.buf = appendField(w.buf, "Connection", w.header["Connection"])
	case w.last:
		w.buf = append(w.buf, "Connection: close\r\n"...)
	case w.x.r.ProtoMinor == 0:
		w.buf = append(w.buf, "Connection: keep-alive\r\n"...)
	}
	if w.length >= 0 {
		w.buf = appendLength(w.buf, w.length)
	}
	if w.framing != open {
		w.buf = append(w.buf, "\r\n"...)
	}
	w.dataAt = len(w.buf)
}

// decide decides how the answer is delimited, as far as its head says so, and whether it is the last.
func (w *Writer) decide() {
	h, r := w.header, w.x.r
	if v := h["Content-Length"]; len(v) > 0 {
		if n, err := wire.ParseLength(v[0]); err == nil {
			w.length = n
		}
	}
	if v := h["Connection"]; len(v) > 0 && wire.HasToken(v, "close") || w.x.unknownEnd() {
		w.last = true
	}
	switch {
	case w.status < 200, w.status == http.StatusNoContent:
		w.framing, w.length = bodiless, -1
	case w.status == http.StatusNotModified, r.Method == http.MethodHead:
		w.framing = bodiless
	case w.length >= 0:
		w.framing = counted
	case r.ProtoMinor == 0:
		w.framing, w.last = untilClose, true
	}
}

// send writes what is in the buffer, and p behind it.
func (w *Writer) send(p []byte) error {
	end := []byte(nil)
	if n := len(w.buf) - w.dataAt + len(p); w.framing == open || w.framing == chunked && n > 0 {
		w.beginChunk(n)
		if n > 0 {
			end = crlf
		}
	}
	if len(p) == 0 {
		w.put(append(w.buf, end...))
	} else if w.err == nil {
		w.pieces = [3][]byte{w.buf, p, end}
		w.vector = w.pieces[:]
		w.err = w.x.c.writeAll(&w.vector)
		clear(w.pieces[:])
	}
	w.buf, w.dataAt = w.buf[:0], 0
	return w.err
}

var crlf = []byte("\r\n")

// beginChunk puts before what there is of the body that it is chunked, if that is not said yet, and
// that n bytes follow.
func (w *Writer) beginChunk(n int) {
	var scratch [64]byte
	b := scratch[:0]
	if w.framing == open {
		b = append(b, "Transfer-Encoding: chunked\r\n\r\n"...)
		w.framing = chunked
	}
	if n > 0 {
		b = append(strconv.AppendInt(b, int64(n), 16), "\r\n"...)
	}
	w.buf = slices.Insert(w.buf, w.dataAt, b...)
}

// finish ends the answer, and reports whether it was written whole. What ends it otherwise ends the connection.
func (w *Writer) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.framing == open && !trails(w.header):
		var scratch [64]byte
		b := appendLength(scratch[:0], int64(len(w.buf)-w.dataAt))
		w.buf = slices.Insert(w.buf, w.dataAt, append(b, "\r\n"...)...)
	case w.framing == open || w.framing == chunked:
		w.endChunks()
	case w.framing == counted && w.bytes != w.length:
		w.cutOff()
		return false
	}
	w.put(w.buf)
	w.buf = w.buf[:0]
	return w.err == nil
}

// endChunks puts the last chunk and the trailers behind what there is of the body.
func (w *Writer) endChunks() {
	n := len(w.buf) - w.dataAt
	if w.beginChunk(n); n > 0 {
		w.buf = append(w.buf, "\r\n"...)
	}
	w.buf = append(w.buf, "0\r\n"...)
	w.buf = append(w.appendTrailers(w.buf), "\r\n"...)
}

// cutOff writes what there is of an answer that has no end. One that would end with the connection is reset.
func (w *Writer) cutOff() {
	if w.hijacked || w.status == 0 {
		return
	}
	if w.framing == untilClose {
		if tcp, ok := w.x.c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return
	}
	_ = w.send(nil)
}

// put writes p, unless writing has failed before.
func (w *Writer) put(p []byte) {
	if w.err == nil && len(p) > 0 {
		_, w.err = w.x.c.Write(p)
	}
}
