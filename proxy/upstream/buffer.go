package upstream

import (
	"bytes"
	"io"
	"sync"
)

const (
	pageSize       = 4 << 10  // a request's head, and what is read ahead of an answer
	uploadPageSize = 32 << 10 // a request's head with the beginning of its body, then a piece of body
	maxChunkLine   = 1 << 10  // a chunk's size with its extensions
)

type (
	page       [pageSize]byte
	uploadPage [uploadPageSize]byte
)

var (
	pages       = sync.Pool{New: func() any { return new(page) }}
	uploadPages = sync.Pool{New: func() any { return new(uploadPage) }}
)

// reader reads heads and lines from a connection. What was read and not yet taken is buf[r:w].
type reader struct {
	src  io.Reader
	page *page  // goes back to the pool
	buf  []byte // page[:], or a larger one where a head needs it
	r, w int
}

func (b *reader) buffered() []byte { return b.buf[b.r:b.w] }

// fill reads once, behind what is there.
func (b *reader) fill() error {
	if b.r == b.w {
		b.r, b.w = 0, 0
	}
	if b.w == len(b.buf) {
		old := b.buffered()
		if b.r == 0 {
			b.buf = make([]byte, 2*len(b.buf))
		}
		b.r, b.w = 0, copy(b.buf, old)
	}
	n, err := b.src.Read(b.buf[b.w:])
	b.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// section takes the lines up to and including the first empty one, at most limit bytes. The
// bytes are good until the next read. Only CRLF ends a line: RFC 9112 section 2.2 lets a
// recipient take a lone LF, and where two recipients differ in it one of them is fooled.
func (b *reader) section(limit int) ([]byte, error) {
	line, seen := 0, 0 // where the line begins; how far no LF was found
	for {
		have := b.buffered()
		i := bytes.IndexByte(have[seen:], '\n')
		if i < 0 {
			seen = len(have)
			if seen >= limit {
				return nil, malformed("the head is too large")
			}
			if err := b.fill(); err != nil {
				return nil, err
			}
			continue
		}
		end := seen + i + 1
		switch {
		case end > limit:
			return nil, malformed("the head is too large")
		case end-line < 2 || have[end-2] != '\r':
			return nil, malformed("a line ends with a bare LF")
		case end-line == 2:
			b.r += end
			return have[:end], nil
		}
		line, seen = end, end
	}
}

// line takes one line and returns it without its CRLF.
func (b *reader) line(limit int) ([]byte, error) {
	for seen := 0; ; {
		have := b.buffered()
		i := bytes.IndexByte(have[seen:], '\n')
		if i < 0 && len(have) < limit {
			seen = len(have)
			if err := b.fill(); err != nil {
				return nil, err
			}
			continue
		}
		end := seen + i + 1
		switch {
		case i < 0 || end > limit:
			return nil, malformed("a chunk's size line is too long")
		case end < 2 || have[end-2] != '\r':
			return nil, malformed("a line ends with a bare LF")
		}
		b.r += end
		return have[:end-2], nil
	}
}

// read gives what is buffered first. A large p is read into directly.
func (b *reader) read(p []byte) (int, error) {
	if b.r == b.w {
		if len(p) >= pageSize {
			return b.src.Read(p)
		}
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.buffered())
	b.r += n
	return n, nil
}

// free gives the page back. Nobody may be reading.
func (b *reader) free() {
	if b.page != nil {
		pages.Put(b.page)
		b.page, b.buf = nil, nil
		b.r, b.w = 0, 0
	}
}
