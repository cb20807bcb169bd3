package wire

import (
	"bytes"
	"io"
	"net/http"
)

// Chunks reads a chunked body (RFC 9112 section 7.1) and what trails it.
type Chunks struct {
	In *Reader
	// Budget is how many bytes extensions and trailers may have together.
	Budget int
	// Trailer is nil, or what trailed the body once it has been read to its end.
	Trailer http.Header

	left int64 // bytes to the chunk's end
	part chunkPart
}

// chunkPart is which part of a body comes next.
type chunkPart uint8

const (
	chunkSize    chunkPart = iota // a size line
	chunkData                     // data
	chunkEnd                      // CRLF after data
	chunkTrailer                  // the trailer section
	chunkOver                     // nothing
)

// Read fills p as far as it can without waiting for more once it has something. It returns io.EOF
// together with the last bytes, where they are known to be the last; an end before that is
// io.ErrUnexpectedEOF.
func (c *Chunks) Read(p []byte) (n int, err error) {
	for n < len(p) && (n == 0 || c.ready()) {
		switch c.part {
		case chunkSize:
			err = c.readSize()
		case chunkData:
			var m int
			m, err = c.readData(p[n:])
			n += m
		case chunkEnd:
			err = c.readEnd()
		case chunkTrailer:
			if err = c.readTrailer(); err == nil {
				c.part = chunkOver
				return n, io.EOF
			}
		case chunkOver:
			return n, io.EOF
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
func (c *Chunks) ready() bool {
	have := c.In.Buffered()
	switch c.part {
	case chunkData:
		return len(have) > 0
	case chunkEnd:
		return len(have) >= 2
	case chunkTrailer:
		return len(have) >= 2 && have[0] == '\r' && have[1] == '\n'
	}
	return bytes.IndexByte(have, '\n') >= 0
}

func (c *Chunks) readSize() error {
	line, err := c.In.Line(min(maxChunkLine, c.Budget))
	if err != nil {
		return err
	}
	if c.left, err = parseChunkSize(line); err != nil {
		return err
	}
	c.part = chunkData
	if c.left == 0 {
		c.part = chunkTrailer
	}
	// A size needs 16 digits at most. What is longer is extensions, which are limited in all.
	c.Budget -= max(0, len(line)-16)
	return nil
}

func (c *Chunks) readData(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.In.Read(p)
	if c.left -= int64(n); c.left == 0 {
		c.part = chunkEnd
	}
	return n, err
}

func (c *Chunks) readEnd() error {
	for {
		have := c.In.Buffered()
		if len(have) > 0 && have[0] != '\r' || len(have) > 1 && have[1] != '\n' {
			return Malformed("a chunk is longer than its size")
		}
		if len(have) > 1 {
			c.In.Skip(2)
			c.part = chunkSize
			return nil
		}
		if err := c.In.Fill(); err != nil {
			return err
		}
	}
}

// readTrailer reads the trailer section, and leaves out what must not be in it.
func (c *Chunks) readTrailer() error {
	section, err := c.In.Section(c.Budget)
	if err != nil || len(section) == len("\r\n") {
		return err
	}
	text := string(section)
	c.Trailer = make(http.Header)
	if err := ParseFields(text, c.Trailer, make([]string, Lines(text))); err != nil {
		return err
	}
	for name := range c.Trailer {
		if !MayTrail(name) {
			delete(c.Trailer, name)
		}
	}
	return nil
}

// parseChunkSize reads a chunk's first line (RFC 9112 section 7.1): the size, and extensions,
// which mean nothing here.
func parseChunkSize(line []byte) (int64, error) {
	var n int64
	i := 0
	for ; i < len(line); i++ {
		d := hexDigit(line[i])
		if d < 0 {
			break
		}
		if n > (1<<63-1)>>4 {
			return 0, Malformed("a chunk's size is too large")
		}
		n = n<<4 | int64(d)
	}
	if i == 0 {
		return 0, Malformed("a chunk's size is not a number")
	}
	if rest := Trim(string(line[i:])); len(line) > i && (rest == "" || rest[0] != ';' || !Only(rest, ValueByte)) {
		return 0, Malformed("a chunk's extension is malformed")
	}
	return n, nil
}

func hexDigit(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	case 'A' <= b && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}
