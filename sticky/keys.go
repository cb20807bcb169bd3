package sticky

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Keys sign pins and know their own signatures: the first signs, all verify. They come from
// ParseKeys or KeysFromCluster; the zero value has none, and must not be used.
type Keys struct{ keys []*key }

// key makes signatures. What that takes is kept for the next one: the key's schedule costs more than the rest.
type key struct {
	secret []byte
	spare  sync.Pool // of *signer
}

// signer makes one signature at a time.
type signer struct {
	hash.Hash
	scratch []byte
	sum     [sha256.Size]byte
}

const (
	minKey  = 32 // characters of a key in a file
	macSize = 16 // bytes of HMAC-SHA256 that are kept; RFC 2104 asks for half of it at least
)

// cure tells how to make a key.
const cure = `make one with "openssl rand -base64 48"`

// ParseKeys reads a key file: each line that is neither empty nor begins with # is a key, of
// at least 32 characters, taken as it stands. To change keys without moving sessions, put
// the new one first and take the old one away once its sessions have ended. Errors name
// the line and never show the key.
func ParseKeys(file []byte) (Keys, error) {
	var k Keys
	number := 0
	for line := range bytes.Lines(file) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if len(line) < minKey {
			return Keys{}, fmt.Errorf("line %d: the key has %d characters, fewer than %d; %s", number, len(line), minKey, cure)
		}
		k.keys = append(k.keys, newKey(bytes.Clone(line)))
	}
	if len(k.keys) == 0 {
		return Keys{}, errors.New("there is no key in it; " + cure)
	}
	return k, nil
}

// KeysFromCluster derives (RFC 5869) the key that all proxies of a cluster share from the
// cluster's id, so that they agree without being told anything.
//
// Who knows the id can forge a pin. That is worth the choice of the replica that serves
// them, and no more: a pin opens no session of anybody's and holds no data. Where even that
// is too much, use a key file.
//
// Where there is no cluster, and id is empty, the key is the same everywhere: sessions stay
// where they are across restarts, and everybody can forge a pin.
func KeysFromCluster(id string) Keys {
	if id == "" {
		id = "there is no cluster"
	}
	secret, err := hkdf.Key(sha256.New, []byte(id), nil, "fairlead session pin", sha256.Size)
	if err != nil {
		panic("sticky: " + err.Error()) // only for lengths that are not used here
	}
	return Keys{[]*key{newKey(secret)}}
}

func newKey(secret []byte) *key {
	k := &key{secret: secret}
	k.spare.New = func() any { return &signer{Hash: hmac.New(sha256.New, k.secret)} }
	return k
}

// mac signs what the cookie of a service holds. The service is not in the cookie, but
// bound by the signature: a pin is of no use for another service.
func (k *key) mac(service string, payload []byte) [macSize]byte {
	s := k.spare.Get().(*signer)
	defer k.spare.Put(s)
	s.Reset()
	// The length comes first, so that no other pair adds up to the same bytes.
	s.scratch = append(binary.AppendUvarint(s.scratch[:0], uint64(len(service))), service...)
	s.scratch = append(s.scratch, payload...)
	s.Write(s.scratch)
	s.Sum(s.sum[:0])
	return [macSize]byte(s.sum[:macSize])
}

// sign is made by the first key.
func (k Keys) sign(service string, payload []byte) [macSize]byte {
	return k.keys[0].mac(service, payload)
}

// verify reports whether any of the keys made the signature. It takes as long for one that
// is nearly right as for any other.
func (k Keys) verify(service string, payload, signature []byte) bool {
	for _, key := range k.keys {
		if want := key.mac(service, payload); hmac.Equal(want[:], signature) {
			return true
		}
	}
	return false
}
