package server

import (
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// A Writer is the ResponseWriter of a request. What is small goes out in one piece, with its head, when the
// handler returns or flushes.
type Writer struct {
	x      *exchange
	header http.Header

	page    *wire.Page // buf's, while it is not larger
	buf     []byte     // what is not written to the connection yet
	framing framing
	dataAt  int   // where in buf the body begins, if its framing is open or chunked
	length  int64 // as the handler says
	bytes   int64 // of the body

	status   int
	last     bool  // the connection ends with this answer
	err      error // what writing failed with
	hijacked bool

	mu     sync.Mutex // between an answer and a 100 that a body wants to write
	headed bool       // the answer's head is in buf, at least

	pieces [3][]byte
	vector net.Buffers // of pieces
}

// prepare makes the answer as it is before the handler is called.
func (w *Writer) prepare() {
	clear(w.header)
	w.buf, w.framing, w.dataAt = w.buf[:0], open, 0
	w.length, w.bytes, w.status = -1, 0, 0
	w.last, w.err, w.hijacked, w.headed = false, nil, false, false
}

// free gives the page back.
func (w *Writer) free() {
	if w.page != nil {
		wire.Pages.Put(w.page)
	}
	w.page, w.buf = nil, nil
}

// Status is the answer's, 101 if the connection was taken over, and 0 as long as there is none.
func (w *Writer) Status() int { return w.status }

// BytesOut is how much of the answer's body was written.
func (w *Writer) BytesOut() int64 { return w.bytes }

// BytesIn is how much of the request's body was read.
func (w *Writer) BytesIn() int64 {
	if w.x.body == nil {
		return 0
	}
	return w.x.body.bytes.Load()
}

// Header implements http.ResponseWriter.
func (w *Writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. Interim answers (1xx save 101) are written at once, and the header
// is not changed by that; clients of HTTP/1.0 get none.
func (w *Writer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("server: no status: " + strconv.Itoa(status))
	}
	if w.hijacked || w.status != 0 {
		return
	}
	if w.page == nil {
		w.page = wire.Pages.Get().(*wire.Page)
		w.buf = w.page[:0]
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.interim(status)
		return
	}
	w.mu.Lock()
	w.headed = true
	w.mu.Unlock()
	w.status = status
	w.beginAnswer()
}

func (w *Writer) interim(status int) {
	if w.x.r.ProtoMinor == 0 || status == http.StatusContinue && !w.x.awaitsContinue() {
		return
	}
	w.buf = append(w.appendFields(appendStatus(w.buf, status)), "\r\n"...)
	w.put(w.buf)
	w.buf = w.buf[:0]
}

// unknownEnd reports whether it is clear already that nobody will know where the next request begins.
func (x *exchange) unknownEnd() bool { return x.body != nil && x.body.lost() }

// Write implements http.ResponseWriter.
func (w *Writer) Write(p []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case w.framing == bodiless && w.x.r.Method == http.MethodHead:
		return len(p), nil
	case w.framing == bodiless:
		return 0, http.ErrBodyNotAllowed
	case w.framing == counted && w.bytes+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	if len(w.buf)+len(p) <= wire.PageSize-endRoom {
		w.buf = append(w.buf, p...)
	} else if err := w.send(p); err != nil {
		return 0, err
	}
	w.bytes += int64(len(p))
	return len(p), nil
}

// FlushError writes what is there.
func (w *Writer) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.send(nil)
}

// Flush implements http.Flusher.
func (w *Writer) Flush() { _ = w.FlushError() }

// proceed writes 100 (Continue) for a body, unless the answer has begun.
func (w *Writer) proceed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.headed {
		return nil
	}
	_, err := w.x.c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	return err
}
