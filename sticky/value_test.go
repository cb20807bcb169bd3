package sticky

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

var golden = discovery.Pin{
	Service: "shop",
	Seat:    "k2f8xw0zq4t1.3",
	Task:    "8c1b7e5u3w9r2y4p6q0a1s2d3",
	Session: discovery.Session{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
}

// Values that were given to browsers must be read, and clusters' keys be the same, in every
// later version: this table is only ever added to.
func TestValuesOfEarlierVersionsAreRead(t *testing.T) {
	for _, c := range []struct {
		name  string
		keys  Keys
		value string
	}{
		{"key file", keysOf(t, first), "AQECAwQFBgcICQoLDA5rMmY4eHcwenE0dDEuMxk4YzFiN2U1dTN3OXIyeTRwNnEwYTFzMmQzl85NzMTruwUxM__y03KG7w"},
		{"cluster", KeysFromCluster("x3ti0erg11rjpg64m75kej2mz"), "AQECAwQFBgcICQoLDA5rMmY4eHcwenE0dDEuMxk4YzFiN2U1dTN3OXIyeTRwNnEwYTFzMmQz6dCEwSq5wnZIMV7id94cUw"},
		{"no cluster", KeysFromCluster(""), "AQECAwQFBgcICQoLDA5rMmY4eHcwenE0dDEuMxk4YzFiN2U1dTN3OXIyeTRwNnEwYTFzMmQzMISTrZEJEVJP8urS7GzuZg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := c.keys.Open("shop", c.value); err != nil || got != golden {
				t.Errorf("opens as %+v, %v; today's is %s", got, err, c.keys.Seal(golden))
			}
		})
	}
}

func TestOnlyAnUntouchedValueOpens(t *testing.T) {
	k := keysOf(t, first)
	value := k.Seal(golden)
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if _, err := k.Open("shop", base64.RawURLEncoding.EncodeToString(raw)); err == nil {
				t.Fatalf("opens with bit %d of byte %d flipped", bit, i)
			}
			raw[i] ^= 1 << bit
		}
	}
	for _, c := range []struct{ name, service, value string }{
		{"another service", "shop2", value},
		{"empty", "shop", ""},
		{"cut", "shop", value[:len(value)-1]},
		{"the signature alone", "shop", value[len(value)-22:]},
		{"longer", "shop", value + "A"},
		{"padded", "shop", value + "="},
		{"with a line break", "shop", value[:8] + "\n" + value[8:]},
		{"endless", "shop", strings.Repeat("A", 1<<20)},
		{"Traefik's", "shop", "6f1ed002ab559585"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if p, err := k.Open(c.service, c.value); err == nil {
				t.Errorf("opens as %+v", p)
			}
		})
	}
}

func TestNoBytesMoveBetweenServiceAndPin(t *testing.T) {
	k := keysOf(t, first)
	payload := []byte{version, 'x'}
	one := k.sign("shop", payload)
	if k.verify("sho", append([]byte{'p'}, payload...), one[:]) {
		t.Error("a byte of the service's name may be taken for the pin's")
	}
}

func TestSessionsDiffer(t *testing.T) {
	if a, b := NewSession(), NewSession(); a == b || a == (discovery.Session{}) {
		t.Errorf("sessions %v and %v", a, b)
	}
}

func FuzzOpen(f *testing.F) {
	k := keysOf(f, first)
	f.Add("shop", k.Seal(golden))
	f.Add("shop", k.Seal(discovery.Pin{Service: "shop"}))
	f.Add("", "AQ")
	f.Fuzz(func(t *testing.T, service, value string) {
		p, err := k.Open(service, value)
		if err == nil && k.Seal(p) != value {
			t.Errorf("%q opens as %+v, which seals as %q", value, p, k.Seal(p))
		}
	})
}

// What the signature guards against is tried without it, too: a key may leak.
func FuzzParse(f *testing.F) {
	f.Add([]byte("0123456789ab\x01s\x01t"))
	f.Add([]byte("0123456789ab\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parse("shop", string(b)); err == nil && len(p.Seat)+len(p.Task) > len(b) {
			t.Errorf("%d bytes became %+v", len(b), p)
		}
	})
}

func FuzzSeal(f *testing.F) {
	k := keysOf(f, first)
	f.Add("shop", "seat", "task", []byte("0123456789ab"))
	f.Fuzz(func(t *testing.T, service, seat, task string, session []byte) {
		p := discovery.Pin{Service: service, Seat: discovery.Seat(seat), Task: task}
		copy(p.Session[:], session)
		if len(seat)+len(task) > 700 {
			t.Skip()
		}
		if got, err := k.Open(service, k.Seal(p)); err != nil || got != p {
			t.Errorf("%+v comes back as %+v, %v", p, got, err)
		}
	})
}
