package websocket

import (
	"encoding/binary"
	"math/rand/v2"
)

// A Code is why a stream is closed (RFC 6455 section 7.4.1 and IANA's registry).
type Code uint16

// The codes that a proxy has use for.
const (
	GoingAway      Code = 1001
	ServiceRestart Code = 1012
)

const (
	final  = 0x80 // in the first byte
	masked = 0x80 // in the second
)

// Close is a close frame as servers send it.
func (c Code) Close() []byte {
	return binary.BigEndian.AppendUint16([]byte{final | opcodeClose, 2}, uint16(c))
}

// MaskedClose is a close frame as clients send it, under a key of its own (section 5.3).
func (c Code) MaskedClose() []byte {
	key := rand.Uint32()
	frame := binary.BigEndian.AppendUint32([]byte{final | opcodeClose, masked | 2}, key)
	return binary.BigEndian.AppendUint16(frame, uint16(c)^uint16(key>>16))
}
