package wire

import (
	"bytes"
	"io"
	"sync"
)

// PageSize is what a Reader reads ahead at most, unless a head is longer.
const PageSize = 4 << 10

// maxChunkLine bounds a chunk's size with its extensions.
const maxChunkLine = 1 << 10

// A Page is lent to whoever reads or writes a head.
type Page [PageSize]byte

// Pages are those that nobody uses at the moment.
var Pages = sync.Pool{New: func() any { return new(Page) }}

// A Reader reads heads and lines from a connection. What was read and not yet taken is buf[r:w].
type Reader struct {
	Src io.Reader

	page *Page  // goes back to the pool
	buf  []byte // page[:], or a larger one where a head needs it
	r, w int
}

// Lend gives the reader a page, in which n bytes have been read already.
func (b *Reader) Lend(p *Page, n int) {
	b.page, b.buf = p, p[:]
	b.r, b.w = 0, n
}

// Lent reports whether the reader has a page.
func (b *Reader) Lent() bool { return b.page != nil }

// Page is the reader's own page. Before the first read it may be used for something else.
func (b *Reader) Page() *Page { return b.page }

// Buffered is what was read and not yet taken.
func (b *Reader) Buffered() []byte { return b.buf[b.r:b.w] }

// Fill reads once, behind what is there.
func (b *Reader) Fill() error {
	if b.r == b.w {
		b.r, b.w = 0, 0
	}
	if b.w == len(b.buf) {
		old := b.Buffered()
		if b.r == 0 {
			b.buf = make([]byte, 2*len(b.buf))
		}
		b.r, b.w = 0, copy(b.buf, old)
	}
	n, err := b.Src.Read(b.buf[b.w:])
	b.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// Skip takes n bytes of what is buffered.
func (b *Reader) Skip(n int) { b.r += n }

// Full reports whether there is no room to read into without moving or growing.
func (b *Reader) Full() bool { return b.w == len(b.buf) }

// Section takes the lines up to and including the first empty one, at most limit bytes. The
// bytes are good until the next read. Only CRLF ends a line: RFC 9112 section 2.2 lets a
// recipient take a lone LF, and where two recipients differ in it one of them is fooled.
func (b *Reader) Section(limit int) ([]byte, error) {
	line, seen := 0, 0 // where the line begins; how far no LF was found
	for {
		have := b.Buffered()
		i := bytes.IndexByte(have[seen:], '\n')
		if i < 0 {
			seen = len(have)
			if seen >= limit {
				return nil, TooLarge
			}
			if err := b.Fill(); err != nil {
				return nil, err
			}
			continue
		}
		end := seen + i + 1
		switch {
		case end > limit:
			return nil, TooLarge
		case end-line < 2 || have[end-2] != '\r':
			return nil, Malformed("a line ends with a bare LF")
		case end-line == 2:
			b.r += end
			return have[:end], nil
		}
		line, seen = end, end
	}
}

// Line takes one line and returns it without its CRLF.
func (b *Reader) Line(limit int) ([]byte, error) {
	for seen := 0; ; {
		have := b.Buffered()
		i := bytes.IndexByte(have[seen:], '\n')
		if i < 0 && len(have) < limit {
			seen = len(have)
			if err := b.Fill(); err != nil {
				return nil, err
			}
			continue
		}
		end := seen + i + 1
		switch {
		case i < 0 || end > limit:
			return nil, Malformed("a chunk's size line is too long")
		case end < 2 || have[end-2] != '\r':
			return nil, Malformed("a line ends with a bare LF")
		}
		b.r += end
		return have[:end-2], nil
	}
}

// Read gives what is buffered first. A large p is read into directly.
func (b *Reader) Read(p []byte) (int, error) {
	if b.r == b.w {
		if len(p) >= PageSize {
			return b.Src.Read(p)
		}
		if err := b.Fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.Buffered())
	b.r += n
	return n, nil
}

// Free gives the page back. Nobody may be reading.
func (b *Reader) Free() {
	if b.page != nil {
		Pages.Put(b.page)
		b.page, b.buf = nil, nil
		b.r, b.w = 0, 0
	}
}
