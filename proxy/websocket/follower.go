// Package websocket knows just so much of RFC 6455 that a proxy can end a stream properly: where in
// the bytes that pass a frame ends, and what a close frame looks like.
package websocket

import "math"

// A Follower knows, from the bytes of one direction as they pass, where frames end (RFC 6455 section
// 5.2). It reads lengths and nothing else: opcodes and bits of extensions may be any, payloads stay as they are.
// The zero value stands before the first frame.
type Follower struct {
	part    part
	closing bool
	mask    uint64 // bytes of the masking key, which goes before the payload
	more    int    // bytes of an extended length that are still to come
	left    uint64 // bytes of key and payload that are still to come
}

// part is what comes next.
type part uint8

const (
	opcode part = iota // of the next frame
	length
	extendedLength
	payload // and the masking key
)

const opcodeClose = 8

// Boundary tells whether what has passed ends with a frame: another may be put in here, also between the
// fragments of a message if it is a control frame (section 5.4).
func (f *Follower) Boundary() bool { return f.part == opcode }

// Closing tells whether a close frame has begun. Together with Boundary it says that it has passed:
// its sender sends no more frames (section 5.5.1).
func (f *Follower) Closing() bool { return f.closing }

// Pass takes the bytes that come next.
func (f *Follower) Pass(b []byte) {
	for len(b) > 0 {
		b = b[f.Next(b):]
	}
}

// Next takes bytes of b up to the end of the frame that is under way, or else of the next one, and
// returns how many: all, if the frame does not end among them. After a close frame nothing is a
// frame any more.
func (f *Follower) Next(b []byte) int {
	if f.closing && f.part == opcode {
		return len(b)
	}
	n := 0
	for n < len(b) && f.part != payload {
		f.header(b[n])
		n++
		if f.part == opcode {
			return n
		}
	}
	step := min(f.left, uint64(len(b)-n))
	if f.left -= step; f.left == 0 && f.part == payload {
		f.part = opcode
	}
	return n + int(step)
}

// header takes one byte of a frame's header.
func (f *Follower) header(c byte) {
	switch f.part {
	case opcode:
		f.closing = c&0x0f == opcodeClose
		f.part = length
	case length:
		f.mask = uint64(c>>7) * 4
		switch c &= 0x7f; c {
		case 126:
			f.part, f.more, f.left = extendedLength, 2, 0
		case 127:
			f.part, f.more, f.left = extendedLength, 8, 0
		default:
			f.begin(uint64(c))
		}
	case extendedLength:
		f.left = f.left<<8 | uint64(c)
		if f.more--; f.more == 0 {
			f.begin(f.left)
		}
	}
}

// begin ends a header. No frame is longer than 63 bits tell; one that says so never ends.
func (f *Follower) begin(length uint64) {
	f.left = min(length, math.MaxInt64) + f.mask
	f.part = payload
	if f.left == 0 {
		f.part = opcode
	}
}
