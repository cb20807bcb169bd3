package proxy

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/forward"
)

// response notes what the client was answered. Flush, Hijack and the like go through Unwrap.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// body counts the bytes of a request's body, and makes the trailers fit that come at its end.
type body struct {
	io.ReadCloser
	r     *http.Request
	rec   *forward.Record
	bytes atomic.Int64 // a read may outlast the request it was for

	ended  atomic.Bool // it was read to its end
	broken atomic.Bool // it cannot be
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	switch {
	case err == io.EOF:
		b.ended.Store(true)
		if len(b.r.Trailer) > 0 {
			b.rec.Trailers(b.r.Trailer)
		}
	case err != nil:
		b.broken.Store(true)
	}
	return n, err
}

// restTime is how long a client that has its answer may take to send the rest of its body.
const restTime = time.Second

// finish reads what no backend wanted of a body, up to net/http's bounds, and reports whether it is
// known where the next request begins. It comes before the server does the same: under full duplex
// that ends in a panic when the next request comes (go.dev/issue/68560). The answer goes first, since
// the client may be waiting for it.
func (b *body) finish(w http.ResponseWriter) bool {
	rc := http.NewResponseController(w)
	if b.ended.Load() {
		_ = rc.SetReadDeadline(time.Time{}) // forward may have hurried the last read
		return true
	}
	_ = rc.Flush() // what breaks the connection is met again below
	_ = rc.SetReadDeadline(time.Now().Add(restTime))
	err := b.ReadCloser.Close()
	_ = rc.SetReadDeadline(time.Time{})
	return err == nil && !b.broken.Load()
}
