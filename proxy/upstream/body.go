package upstream

import (
	"errors"
	"io"
	"net/http"
)

// body is how far an answer's body was read.
type body struct {
	left  int64 // bytes to its end, or to the chunk's; untilClose
	chunk chunkPart
	keep  bool // the connection is good for another exchange after it
}

// chunkPart is which part of a chunked body comes next (RFC 9112 section 7.1).
type chunkPart uint8

const (
	notChunked   chunkPart = iota
	chunkSize              // a size line
	chunkData              // data
	chunkEnd               // CRLF after data
	chunkTrailer           // the trailer section
)

var errClosed = errors.New("the answer's body was closed")

// Read returns io.EOF together with the last bytes, where they are known to be the last: the
// connection is free again as early as can be.
func (e *exchange) Read(p []byte) (int, error) {
	switch {
	case e.over.Load():
		if e.body.left == 0 && e.body.chunk == notChunked {
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
	case e.body.chunk != notChunked:
		return e.readChunks(p)
	case e.body.left == untilClose:
		return e.in.read(p)
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
	n, err := e.in.read(p)
	e.body.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readChunks fills p as far as it can without waiting for more once it has something.
func (e *exchange) readChunks(p []byte) (n int, err error) {
	for n < len(p) && (n == 0 || e.ready()) {
		switch e.body.chunk {
		case chunkSize:
			err = e.readSize()
		case chunkData:
			var m int
			if m, err = e.readData(p[n:]); e.body.left == 0 {
				e.body.chunk = chunkEnd
			}
			n += m
		case chunkEnd:
			err = e.readChunkEnd()
		case chunkTrailer:
			if err = e.readTrailer(); err == nil {
				return n, io.EOF
			}
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// ready reports whether the next part can be read, or begun, without waiting.
func (e *exchange) ready() bool {
	have := e.in.buffered()
	switch e.body.chunk {
	case chunkData:
		return len(have) > 0
	case chunkEnd:
		return len(have) >= 2
	case chunkTrailer:
		return len(have) >= 2 && have[0] == '\r' && have[1] == '\n'
	}
	for _, b := range have {
		if b == '\n' {
			return true
		}
	}
	return false
}

func (e *exchange) readSize() error {
	line, err := e.in.line(min(maxChunkLine, e.budget))
	if err != nil {
		return err
	}
	n, err := parseChunkSize(line)
	if err != nil {
		return err
	}
	e.body.left, e.body.chunk = n, chunkData
	if n == 0 {
		e.body.chunk = chunkTrailer
	}
	// A size needs 16 digits at most. What is longer is extensions, which are limited in all.
	e.budget -= max(0, len(line)-16)
	return nil
}

func (e *exchange) readChunkEnd() error {
	for len(e.in.buffered()) < 2 {
		if err := e.in.fill(); err != nil {
			return err
		}
	}
	if have := e.in.buffered(); have[0] != '\r' || have[1] != '\n' {
		return malformed("a chunk is longer than its size")
	}
	e.in.r += 2
	e.body.chunk = chunkSize
	return nil
}

// readTrailer adds the trailer fields to those announced, as net/http does.
func (e *exchange) readTrailer() error {
	section, err := e.in.section(e.budget)
	if err != nil {
		return err
	}
	if len(section) == len("\r\n") {
		return nil
	}
	fields, err := parseFields(string(section))
	if err != nil {
		return err
	}
	for name, values := range fields {
		if !mayTrail(name) {
			continue
		}
		if e.resp.Trailer == nil {
			e.resp.Trailer = make(http.Header)
		}
		e.resp.Trailer[name] = values
	}
	return nil
}

// Close gives up what was not read, and the connection with it.
func (e *exchange) Close() error {
	e.cut()
	return nil
}
