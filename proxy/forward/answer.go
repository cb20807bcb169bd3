package forward

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// errClient marks what went wrong on the client's side of a request: no backend is to
// blame for it.
var errClient = errors.New("client went away")

// copyBuffers are what bodies are copied through.
var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// answer writes a backend's final answer to the client: head, body as it comes, trailers.
// Once the head is written an error can only be shown by cutting the answer off, which is
// the caller's to do.
func answer(w http.ResponseWriter, resp *http.Response) error {
	nominated := stripHopByHop(resp.Header)
	stripTrailers(resp.Trailer, nominated)
	announced := announceTrailers(w.Header(), resp)
	copyHeader(w.Header(), resp.Header)
	if _, typed := resp.Header["Content-Type"]; !typed {
		w.Header()["Content-Type"] = nil // or net/http guesses one
	}
	w.WriteHeader(resp.StatusCode)
	if err := copyBody(w, resp); err != nil {
		return err
	}
	stripTrailers(resp.Trailer, nominated)
	copyTrailers(w.Header(), resp, announced)
	return nil
}

func copyHeader(dst, src http.Header) {
	for name, values := range src {
		if have := dst[name]; have != nil {
			values = append(have[:len(have):len(have)], values...)
		}
		dst[name] = values
	}
}

// copyBody streams the body. Whenever the backend pauses, what has come is flushed, so
// that events arrive at once; a whole answer of known length needs no flush of its own.
func copyBody(w http.ResponseWriter, resp *http.Response) error {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	flush := http.NewResponseController(w).Flush
	if resp.ContentLength < 0 {
		if err := flush(); err != nil { // the head is an event, too
			return fmt.Errorf("%w: %w", errClient, err)
		}
	}
	var sent int64
	for {
		n, err := resp.Body.Read(buf[:])
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return fmt.Errorf("%w: %w", errClient, werr)
			}
			sent += int64(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("answer cut off after %d bytes: %w", sent, err)
		}
		if n < len(buf) && sent != resp.ContentLength {
			if err := flush(); err != nil {
				return fmt.Errorf("%w: %w", errClient, err)
			}
		}
	}
}

// announceTrailers names the trailer fields that the backend announced
// (RFC 9110 section 6.6.2).
func announceTrailers(dst http.Header, resp *http.Response) int {
	if len(resp.Trailer) == 0 {
		return 0
	}
	names := make([]string, 0, len(resp.Trailer))
	for name := range resp.Trailer {
		names = append(names, name)
	}
	dst["Trailer"] = []string{strings.Join(names, ", ")}
	return len(names)
}

// copyTrailers sets the trailer fields, which are known once the body has ended. Those that
// were not announced go by net/http's prefix.
func copyTrailers(dst http.Header, resp *http.Response, announced int) {
	prefix := ""
	if len(resp.Trailer) != announced {
		prefix = http.TrailerPrefix
	}
	for name, values := range resp.Trailer {
		dst[prefix+name] = values
	}
}

// interim passes an interim answer on (RFC 9110 section 15.2): its fields belong to it
// alone, so they leave the header again. Clients of HTTP/1.0 do not know such answers.
func interim(w http.ResponseWriter, r *http.Request) func(int, http.Header) error {
	if !r.ProtoAtLeast(1, 1) {
		return nil
	}
	return func(status int, h http.Header) error {
		stripHopByHop(h)
		before := w.Header().Clone()
		copyHeader(w.Header(), h)
		w.WriteHeader(status)
		clear(w.Header())
		copyHeader(w.Header(), before)
		return nil
	}
}
