package balancer

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Rendezvous hashing (Thaler and Ravishankar, 1998): each place gets a score from its own
// hash and the key's, the highest wins. All proxies of a cluster, of whatever version, must
// come to the same result: what is computed here may never change.

// hashString is FNV-1a of 64 bits, mixed once more: FNV alone leaves names that differ in
// their last letter close together.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

func hashSession(s discovery.Session) uint64 {
	return mix(binary.BigEndian.Uint64(s[:8]) ^ mix(uint64(binary.BigEndian.Uint32(s[8:]))))
}

func hashAddr(a netip.Addr) uint64 {
	b := a.As16() // an IPv4 address and its IPv6-mapped form are the same client
	return mix(binary.BigEndian.Uint64(b[:8]) ^ mix(binary.BigEndian.Uint64(b[8:])))
}

// mix is the finalizer of splitmix64 (Steele, Lea, Flood, 2014).
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// score is a place's for a key, both as hashes: each place wins a share of the keys that
// is proportional to its weight.
func score(place, key uint64, weight float64) float64 {
	uniform := (float64(mix(place^key)>>11) + 0.5) / (1 << 53) // between 0 and 1, never either
	return -weight / math.Log(uniform)
}
