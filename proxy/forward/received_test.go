package forward

import (
	"bufio"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// receive parses a raw request as it came from a peer and makes it fit.
func receive(t *testing.T, raw, peer string, trust Trust) (*http.Request, *Record) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = peer
	rec := &Record{}
	if err := Received(r, rec, Policy{Trust: trust, Server: "edge-1", Upgrades: []string{"websocket"}}); err != nil {
		t.Fatal(err)
	}
	return r, rec
}

// lines are a header as sorted "Name: value" lines.
func lines(h http.Header) []string {
	var out []string
	for name, values := range h {
		for _, v := range values {
			out = append(out, name+": "+v)
		}
	}
	slices.Sort(out)
	return out
}

func TestWhatAStrangerSaysOfWhereARequestCameFromIsReplaced(t *testing.T) {
	const forged = "GET / HTTP/1.1\nHost: shop.example:8080\nX-Forwarded-For: 1.2.3.4\nX-Forwarded-Proto: https\n" +
		"X-Forwarded-Prefix: /admin\nX-Forwarded-Anything: x\nX-Real-Ip: 1.2.3.4\nForwarded: for=1.2.3.4\n" +
		"X_Forwarded_For: 1.2.3.4\nX_Forwarded-Host: evil\nx_real_ip: 1.2.3.4\nX-Request-Id: mine\nX-Forward: kept"
	r, _ := receive(t, forged, "192.0.2.7:999", Trust{})
	want := []string{
		"X-Forward: kept", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: shop.example:8080", "X-Forwarded-Port: 8080",
		"X-Forwarded-Proto: http", "X-Forwarded-Server: edge-1", "X-Real-Ip: 192.0.2.7", "X-Request-Id: mine",
	}
	if got := lines(r.Header); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatATrustedPeerSaysStaysAndItsAddressIsAdded(t *testing.T) {
	const raw = "GET / HTTP/1.1\nHost: shop.example\nX-Forwarded-For: 1.2.3.4\nX-Forwarded-For: 5.6.7.8\nX-Forwarded-Proto: https\nX-Real-Ip: 1.2.3.4\n" +
		"X_Forwarded_For: 9.9.9.9" // no proxy of ours spells it so
	for name, trust := range map[string]Trust{
		"by address": {Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
		"insecure":   {Everybody: true},
	} {
		for _, peer := range []string{"192.0.2.7:999", "[::ffff:192.0.2.7]:999"} {
			r, _ := receive(t, raw, peer, trust)
			want := []string{
				"X-Forwarded-For: 1.2.3.4, 5.6.7.8, 192.0.2.7", "X-Forwarded-Host: shop.example", "X-Forwarded-Port: 443",
				"X-Forwarded-Proto: https", "X-Forwarded-Server: edge-1", "X-Real-Ip: 1.2.3.4",
			}
			if got := lines(r.Header); !slices.Equal(got, want) {
				t.Errorf("%s, %s: got\n%s", name, peer, strings.Join(got, "\n"))
			}
		}
	}
	if r, _ := receive(t, raw, "198.51.100.1:1", Trust{Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}); r.Header.Get("X-Forwarded-For") != "198.51.100.1" {
		t.Errorf("another peer was believed: %v", r.Header)
	}
}

func TestHopByHopFieldsEndHere(t *testing.T) {
	const raw = "GET / HTTP/1.1\nHost: a\nConnection: close, X-Secret , keep-alive\nConnection: X-Other\nX-Secret: 1\nX-Other: 2\n" +
		"Keep-Alive: timeout=5\nProxy-Connection: keep-alive\nProxy-Authorization: Basic x\nTe: gzip\nTrailer: X-T\nUpgrade: h2c\nHttp2-Settings: AAA\nX-Kept: 3"
	r, rec := receive(t, raw, "192.0.2.7:1", Trust{})
	for _, name := range []string{"Connection", "X-Secret", "X-Other", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer", "Upgrade", "Http2-Settings"} {
		if v, ok := r.Header[name]; ok {
			t.Errorf("%s went on: %q", name, v)
		}
	}
	if r.Header.Get("X-Kept") != "3" || rec.Upgrade != "" {
		t.Errorf("kept %q, upgrade %q", r.Header.Get("X-Kept"), rec.Upgrade)
	}
}

func TestNobodyCanNominateAwayWhatWeAdd(t *testing.T) {
	r, _ := receive(t, "GET / HTTP/1.1\nHost: a\nConnection: X-Forwarded-For, X-Real-Ip, Te\nTe: trailers", "192.0.2.7:1", Trust{})
	if r.Header.Get("X-Forwarded-For") != "192.0.2.7" || r.Header.Get("X-Real-Ip") != "192.0.2.7" {
		t.Errorf("got %v", r.Header)
	}
}

func TestAnUpgradeIsOneAllowedProtocolAndNeverH2C(t *testing.T) {
	for raw, want := range map[string]string{
		"Connection: Upgrade\nUpgrade: websocket":             "websocket",
		"Connection: keep-alive, upgrade\nUpgrade: WebSocket": "WebSocket",
		"Connection: Upgrade\nUpgrade: h2c":                   "",
		"Connection: Upgrade\nUpgrade: H2C":                   "",
		"Connection: Upgrade\nUpgrade: h2c, websocket":        "websocket",
		"Connection: Upgrade\nUpgrade: x\nUpgrade: websocket": "websocket",
		"Connection: Upgrade\nUpgrade: other":                 "",
		"Connection: Upgrade":                                 "",
		"Upgrade: websocket":                                  "",
	} {
		r, rec := receive(t, "GET / HTTP/1.1\nHost: a\n"+raw, "192.0.2.7:1", Trust{})
		if rec.Upgrade != want {
			t.Errorf("%q: upgrade %q, want %q", raw, rec.Upgrade, want)
		}
		proto := "http"
		if want != "" {
			proto = "ws"
		}
		if got := r.Header.Get("X-Forwarded-Proto"); got != proto {
			t.Errorf("%q: X-Forwarded-Proto %q, want %q", raw, got, proto)
		}
	}
}

func FuzzReceivedLeavesNothingForgedAndNothingHopByHop(f *testing.F) {
	f.Add("X_FORWARDED_FOR", "1.2.3.4", "X-Forwarded-For")
	f.Add("Connection", "close, x-real-ip", "")
	f.Add("Forwarded", "for=x", "upgrade")
	f.Fuzz(func(t *testing.T, name, value, nominated string) {
		h := http.Header{}
		h.Add(name, value)
		h.Add("Connection", nominated)
		r := &http.Request{Method: "GET", Host: "a", RemoteAddr: "192.0.2.7:1", Header: h}
		if Received(r, &Record{}, Policy{Server: "edge-1"}) != nil {
			return
		}
		for got, values := range r.Header {
			n := strings.ToLower(dashed(got))
			switch {
			case n == "connection" || n == "upgrade" || n == "forwarded":
				t.Errorf("%s went on: %q", got, values)
			case n == "x-forwarded-for" || n == "x-real-ip":
				if !slices.Equal(values, []string{"192.0.2.7"}) {
					t.Errorf("%s: %q", got, values)
				}
			}
		}
		if r.Header.Get("X-Forwarded-For") != "192.0.2.7" {
			t.Errorf("X-Forwarded-For: %q", r.Header["X-Forwarded-For"])
		}
	})
}
