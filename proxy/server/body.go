package server

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// body is a request's body. A Read may outlast the handler; then it fails.
type body struct {
	x     *exchange
	bytes atomic.Int64 // read by the handler

	mu      sync.Mutex  // held while reading
	chunks  wire.Chunks // if the length is not known
	chunked bool
	left    int64
	expects atomic.Bool // the client waits for 100 (Continue)
	err     error       // what reading ended with
	closed  bool
}

// maxTrailers is how many bytes the extensions of chunks and the trailers may have together.
const maxTrailers = 16 << 10

func newBody(x *exchange) *body {
	r := x.r
	b := &body{x: x, left: r.ContentLength, chunked: r.ContentLength < 0}
	if b.chunked {
		b.chunks = wire.Chunks{In: &x.in, Budget: min(maxTrailers, x.c.server.Limits.HeadBytes)}
	}
	b.expects.Store(r.ProtoMinor > 0 && wire.HasToken(x.header["Expect"], "100-continue"))
	return b
}

// Read reads from the client, who is told to go on if it waits for that. Its errors are wire.Malformed, those of the
// network, and io.ErrUnexpectedEOF.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return 0, http.ErrBodyReadAfterClose
	case b.err != nil:
		return 0, b.err
	case b.x.awaitsContinue():
		if err := b.x.w.proceed(); err != nil {
			return 0, err
		}
	}
	n, err := b.read(p)
	b.bytes.Add(int64(n))
	return n, err
}

// awaitsContinue reports whether the client is to be told to go on: once, by whoever asks.
func (x *exchange) awaitsContinue() bool {
	return x.body != nil && x.body.expects.CompareAndSwap(true, false)
}

// read returns io.EOF with the last bytes. b.mu is held.
func (b *body) read(p []byte) (n int, err error) {
	if b.chunked {
		if n, err = b.chunks.Read(p); err == io.EOF {
			b.addTrailers()
		}
	} else {
		n, err = b.x.in.Read(p[:min(int64(len(p)), b.left)])
		if b.left -= int64(n); b.left == 0 {
			err = io.EOF
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		b.err = err
	}
	if err == io.EOF {
		b.x.c.phase = nothing
		b.x.watch.begin()
	}
	return n, err
}

// addTrailers adds the trailer fields to those announced, as net/http does.
func (b *body) addTrailers() {
	r := b.x.r
	if r.Trailer == nil {
		r.Trailer = b.chunks.Trailer
		return
	}
	for name, values := range b.chunks.Trailer {
		r.Trailer[name] = values
	}
}

// Close implements io.Closer. What is left is read, or not, when the handler has returned.
func (b *body) Close() error { return nil }

// Bounds of what is read of a body that no handler wanted, so that the next request may follow.
const (
	maxRest  = 256 << 10
	restTime = time.Second
)

// finish reads what is left of a body, if that is not much, and reports whether it is known where the next
// request begins.
func (b *body) finish() bool {
	if b.mu.TryLock() {
		defer b.mu.Unlock()
		if b.err != nil {
			return b.err == io.EOF
		}
	} else {
		_ = b.x.c.in.ask(time.Now().Add(restTime)) // a read outlasts the handler
		b.mu.Lock()
		defer b.mu.Unlock()
	}
	if b.expects.Load() || b.left > maxRest {
		return false
	}
	_ = b.x.c.in.ask(time.Now().Add(restTime))
	page := wire.Pages.Get().(*wire.Page)
	defer wire.Pages.Put(page)
	for read := 0; b.err == nil && read <= maxRest; {
		n, err := b.read(page[:])
		read += n
		b.err = err
	}
	return b.err == io.EOF
}

// close ends reading, also a read that is under way.
func (b *body) close() {
	if !b.mu.TryLock() {
		_ = b.x.c.in.ask(time.Unix(1, 0))
		b.mu.Lock()
	}
	b.closed = true
	b.mu.Unlock()
}

// lost reports whether nobody will know where the next request begins: the client waits for a 100 that will not
// come, or the body cannot be read on.
func (b *body) lost() bool {
	if b.expects.Load() {
		return true
	}
	if !b.mu.TryLock() {
		return false // somebody reads it
	}
	defer b.mu.Unlock()
	return b.err != nil && b.err != io.EOF
}
