package sticky

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A value is, in base64url without padding (RFC 4648, section 5):
//
//	version    1 byte
//	session   12 bytes
//	seat      its length (uvarint), then itself
//	task      likewise
//	signature 16 bytes, of all before it and the service's name
//
// Proxies of different versions serve a cluster side by side: what is written here must
// be read by later versions, and a change needs a new version byte.
const version = 1

// maxValue bounds the characters of a value that is looked at. Swarm's ids need about 110.
const maxValue = 1024

var strict = base64.RawURLEncoding.Strict()

var (
	errForm    = errors.New("not a pin")
	errVersion = errors.New("a pin of a version not known here")
	errSigned  = errors.New("a pin signed with none of the keys, or for another service")
)

// Seal makes a cookie's value of a pin. Seat and task together may have 700 bytes; with
// more, the value is not opened again.
func (k Keys) Seal(p discovery.Pin) string {
	b := make([]byte, 0, 128)
	b = append(b, version)
	b = append(b, p.Session[:]...)
	b = appendString(b, string(p.Seat))
	b = appendString(b, p.Task)
	signature := k.sign(p.Service, b)
	return base64.RawURLEncoding.EncodeToString(append(b, signature[:]...))
}

// Open makes the pin of a cookie's value, if one of the keys sealed it for the service. The
// error says why it is none.
func (k Keys) Open(service, value string) (discovery.Pin, error) {
	if len(value) > maxValue {
		return discovery.Pin{}, errForm
	}
	raw, err := strict.AppendDecode(make([]byte, 0, 144), append(make([]byte, 0, 192), value...)) // on the stack as a rule
	// The decoder skips line breaks; a value has one form only.
	if err != nil || len(raw) != base64.RawURLEncoding.DecodedLen(len(value)) || len(raw) < 1+macSize {
		return discovery.Pin{}, errForm
	}
	payload, signature := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	if payload[0] != version {
		return discovery.Pin{}, errVersion
	}
	if !k.verify(service, payload, signature) {
		return discovery.Pin{}, errSigned
	}
	return parse(service, string(payload[1:]))
}

// parse reads what was signed.
func parse(service, text string) (discovery.Pin, error) {
	p := discovery.Pin{Service: service}
	if len(text) < len(p.Session) {
		return discovery.Pin{}, errForm
	}
	text = text[copy(p.Session[:], text):]
	seat, text, fine := cutString(text)
	if !fine {
		return discovery.Pin{}, errForm
	}
	p.Seat = discovery.Seat(seat)
	p.Task, text, fine = cutString(text)
	if !fine || text != "" {
		return discovery.Pin{}, errForm
	}
	return p, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(text string) (s, rest string, fine bool) {
	var digits [binary.MaxVarintLen64]byte
	length, n := binary.Uvarint(digits[:copy(digits[:], text)])
	if n <= 0 || length > uint64(len(text)-n) {
		return "", "", false
	}
	end := n + int(length)
	return text[n:end], text[end:], true
}

// NewSession draws a session's random part.
func NewSession() discovery.Session {
	var s discovery.Session
	rand.Read(s[:]) // never fails (crypto/rand)
	return s
}
