package upstream

import (
	"errors"
	"io"
	"net/http"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// body is how far an answer's body was read.
type body struct {
	left   int64        // bytes to its end; untilClose
	chunks *wire.Chunks // nil if it is not chunked
	keep   bool         // the connection is good for another exchange after it
}

var errClosed = errors.New("the answer's body was closed")

// Read returns io.EOF together with the last bytes, where they are known to be the last: the
// connection is free again as early as can be.
func (e *exchange) Read(p []byte) (int, error) {
	switch {
	case e.over.Load():
		if e.body.left == 0 && e.body.chunks == nil {
			return 0, io.EOF
		}
		return 0, e.failure(Answered, OpRead, errClosed)
	case len(p) == 0:
		return 0, nil
	}
	n, err := e.readSome(p)
	switch {
	case err == nil:
	case err == io.EOF:
		e.body = body{keep: e.body.keep}
		e.finish(e.body.keep)
	default:
		err = e.abandon(err)
	}
	return n, err
}

func (e *exchange) readSome(p []byte) (int, error) {
	switch {
	case e.body.chunks != nil:
		n, err := e.body.chunks.Read(p)
		if err == io.EOF {
			e.addTrailers(e.body.chunks.Trailer)
		}
		return n, err
	case e.body.left == untilClose:
		return e.in.Read(p)
	}
	n, err := e.readData(p)
	if err == nil && e.body.left == 0 {
		err = io.EOF
	}
	return n, err
}

// readData reads what p takes and left allows. Its end is never io.EOF.
func (e *exchange) readData(p []byte) (int, error) {
	if int64(len(p)) > e.body.left {
		p = p[:e.body.left]
	}
	n, err := e.in.Read(p)
	e.body.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// addTrailers adds the trailer fields to those announced, as net/http does.
func (e *exchange) addTrailers(fields http.Header) {
	if e.resp.Trailer == nil {
		e.resp.Trailer = fields
		return
	}
	for name, values := range fields {
		e.resp.Trailer[name] = values
	}
}

// Close gives up what was not read, and the connection with it.
func (e *exchange) Close() error {
	e.cut()
	return nil
}
