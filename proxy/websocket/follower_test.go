package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// frame is one with a payload of the length given, in the shortest form of the length.
func frame(first byte, length int, mask bool) []byte {
	b := []byte{first}
	var bit byte
	if mask {
		bit = masked
	}
	switch {
	case length < 126:
		b = append(b, bit|byte(length))
	case length <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(length))
	}
	if mask {
		b = append(b, 0xff, 0x88, 0xff, 0x88)
	}
	return append(b, bytes.Repeat([]byte{0x88}, length)...) // each byte looks like a close frame's first
}

// boundaries are the offsets in b after which f stands between two frames, when b comes in parts of
// the sizes given, over and over.
func boundaries(f *Follower, b []byte, sizes ...int) (ends []int) {
	at := 0
	for i := 0; at < len(b); i++ {
		part := b[at:min(len(b), at+sizes[i%len(sizes)])]
		for len(part) > 0 {
			n := f.Next(part)
			at += n
			part = part[n:]
			if f.Boundary() {
				ends = append(ends, at)
			}
		}
	}
	return ends
}

func TestAFollowerFindsTheEndOfEachFrameHoweverItIsSplit(t *testing.T) {
	const text, binaryFragment, ping, pong, compressed = 0x81, 0x02, 0x89, 0x8a, 0xc1
	lengths := []int{0, 1, 125, 126, 127, math.MaxUint16, math.MaxUint16 + 1, 70000}
	for _, mask := range []bool{false, true} {
		var stream []byte
		var want []int
		for _, first := range []byte{text, binaryFragment, ping, 0x80, pong, compressed, 0xf7} {
			for _, length := range lengths {
				stream = append(stream, frame(first, length, mask)...)
				want = append(want, len(stream))
			}
		}
		for _, sizes := range [][]int{{len(stream)}, {1}, {2}, {3, 1}, {7, 11, 13}, {4096}, {32 << 10}} {
			var f Follower
			if got := boundaries(&f, stream, sizes...); !slices.Equal(got, want) {
				t.Errorf("masked %v, in parts of %v: frames end at %v, want %v", mask, sizes, got, want)
			}
			if f.Closing() {
				t.Errorf("masked %v, in parts of %v: a close frame was seen", mask, sizes)
			}
		}
	}
}

func TestALengthNeedNotBeInItsShortestForm(t *testing.T) {
	for _, b := range [][]byte{
		{0x81, 126, 0, 1, 'a'},
		{0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, 'a'},
		{0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		if ends := boundaries(new(Follower), b, 1); !slices.Equal(ends, []int{len(b)}) {
			t.Errorf("%v: frames end at %v", b, ends)
		}
	}
}

func TestAFrameOfAnImpossibleLengthNeverEnds(t *testing.T) {
	for _, bit := range []byte{0, masked} {
		huge := append([]byte{0x82, bit | 127}, bytes.Repeat([]byte{0xff}, 8)...)
		if ends := boundaries(new(Follower), append(huge, make([]byte, 100)...), 7); ends != nil {
			t.Errorf("frames end at %v", ends)
		}
	}
}

func TestAfterACloseFrameNothingIsAFrame(t *testing.T) {
	for _, c := range [][]byte{{0x88, 0}, GoingAway.Close(), GoingAway.MaskedClose()} {
		var f Follower
		f.Pass(frame(0x81, 3, false))
		if f.Closing() || !f.Boundary() {
			t.Fatal("a text frame was taken for a close frame")
		}
		f.Pass(c[:1])
		if !f.Closing() || f.Boundary() {
			t.Errorf("%x: its begin was not seen", c)
		}
		f.Pass(c[1:])
		if !f.Closing() || !f.Boundary() {
			t.Errorf("%x: its end was not seen", c)
		}
		f.Pass([]byte{0x81})
		if !f.Closing() || !f.Boundary() {
			t.Errorf("%x: a frame began after it", c)
		}
	}
}

func TestACloseFrameSaysItsCode(t *testing.T) {
	if got := ServiceRestart.Close(); !bytes.Equal(got, []byte{0x88, 2, 1012 >> 8, 1012 & 0xff}) {
		t.Errorf("%x", got)
	}
	keys := map[uint32]bool{}
	for range 8 {
		got := GoingAway.MaskedClose()
		if len(got) != 8 || got[0] != 0x88 || got[1] != 0x82 {
			t.Fatalf("%x", got)
		}
		if code := uint16(got[6]^got[2])<<8 | uint16(got[7]^got[3]); code != 1001 {
			t.Errorf("%x says %d", got, code)
		}
		keys[binary.BigEndian.Uint32(got[2:])] = true
	}
	if len(keys) == 1 {
		t.Error("the masking key is always the same")
	}
}

// reference finds frames' ends in the whole of b at once, as RFC 6455 section 5.2 draws them.
func reference(b []byte) (ends []int) {
	for at := 0; len(b)-at >= 2; {
		closing := b[at]&15 == 8
		length, header := uint64(b[at+1]&127), 2
		switch {
		case length == 126 && len(b)-at >= 4:
			length, header = uint64(binary.BigEndian.Uint16(b[at+2:])), 4
		case length == 127 && len(b)-at >= 10:
			length, header = binary.BigEndian.Uint64(b[at+2:]), 10
		case length >= 126:
			return ends
		}
		if b[at+1]&128 != 0 {
			header += 4
		}
		if uint64(header) > uint64(len(b)-at) || length > uint64(len(b)-at-header) {
			return ends
		}
		at += header + int(length)
		ends = append(ends, at)
		if closing {
			return ends
		}
	}
	return ends
}

func FuzzAFollowerAgreesWithTheReference(f *testing.F) {
	f.Add([]byte{0x81, 0, 0x02, 0x81, 1, 2, 3, 4, 5, 0x88, 0, 0x81, 1}, uint64(1))
	f.Add(slices.Concat(frame(0x81, 300, true), frame(0x89, 0, false), ServiceRestart.Close()), uint64(2))
	f.Add(append([]byte{0x81, 127}, bytes.Repeat([]byte{0xff}, 20)...), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		want := reference(b)
		random := rand.New(rand.NewPCG(seed, seed))
		var sizes []int
		for range 5 {
			sizes = append(sizes, 1+random.IntN(len(b)+1))
		}
		var follower Follower
		got := boundaries(&follower, b, sizes...)
		if follower.Closing() && follower.Boundary() {
			got = got[:min(len(want), len(got))] // what comes after a close frame is all boundary
		}
		if !slices.Equal(got, want) {
			t.Errorf("in parts of %v: frames end at %v, want %v", sizes, got, want)
		}
	})
}

func BenchmarkFollowing(b *testing.B) {
	for _, length := range []int{20, 1000, 100_000} {
		b.Run(fmt.Sprintf("frames of %d bytes", length), func(b *testing.B) {
			one := frame(0x81, length, false)
			stream := bytes.Repeat(one, 1+(1<<20)/len(one))
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				var f Follower
				for chunk := range slices.Chunk(stream, 32<<10) {
					f.Pass(chunk)
				}
			}
		})
	}
}
