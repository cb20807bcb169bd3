package forward

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Trust says whose X-Forwarded-* fields are believed. The zero value trusts nobody.
type Trust struct {
	Everybody bool           // forwardedheaders.insecure
	Prefixes  []netip.Prefix // forwardedheaders.trustedips
}

func (t Trust) trusts(peer netip.Addr) bool {
	if t.Everybody {
		return true
	}
	for _, p := range t.Prefixes {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// A Policy is what an entry point does with the fields of the requests that it takes.
type Policy struct {
	Trust    Trust
	Server   string   // this proxy's host name, for X-Forwarded-Server
	Upgrades []string // protocols that clients may ask to change to, in lower case
	// Via is this proxy's pseudonym in the Via field; "": none is sent. RFC 9110 section 7.6.3 wants
	// one of a gateway. By default we do as Traefik, nginx and HAProxy do, because it costs: to nginx
	// behind us (gzip_proxied) a Via means that answers are not to be compressed.
	Via string
}

// Received makes r, as it came over a connection of ours, fit for rules, middlewares and
// backends: it notes the peer and a wish to upgrade in rec, removes hop-by-hop fields, removes
// what an untrusted peer says about where the request came from, and says so itself, in the
// fields that Traefik sets. An error says why the request cannot go on.
func Received(r *http.Request, rec *Record, p Policy) error {
	rec.Peer = PeerOf(r)
	if r.ProtoMajor == 1 && r.ProtoMinor > 0 { // RFC 9110 section 7.8: ignored in HTTP/1.0
		rec.Upgrade = upgradeOf(r.Header, p.Upgrades)
	}
	trailers := hasToken(r.Header, "Te", "trailers")
	rec.nominated = stripHopByHop(r.Header)
	stripTrailers(r.Trailer, rec.nominated) // as announced
	if trailers {
		r.Header["Te"] = []string{"trailers"}
	}
	if err := checkExpect(r); err != nil {
		return err
	}
	strip(r.Header, !p.Trust.trusts(rec.Peer))
	setForwarded(r, rec.Upgrade, rec.Peer.String(), p.Server)
	if p.Via != "" {
		protocol := strconv.Itoa(r.ProtoMajor) + "." + strconv.Itoa(r.ProtoMinor)
		r.Header["Via"] = append(r.Header["Via"], protocol+" "+p.Via)
	}
	return countHop(r)
}

// PeerOf is the other end of the connection that a request came over; not valid if that has no address.
func PeerOf(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr().Unmap().WithZone("")
}

// checkExpect takes the one expectation that there is (RFC 9110 section 10.1.1), and only where a
// body follows: elsewhere it means nothing, and servers differ in what they do then.
func checkExpect(r *http.Request) error {
	values := r.Header["Expect"]
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 || !strings.EqualFold(values[0], "100-continue") {
		return fmt.Errorf("%w: %q", errExpect, values)
	}
	if r.ContentLength == 0 || !r.ProtoAtLeast(1, 1) {
		delete(r.Header, "Expect")
	}
	return nil
}

// countHop counts this hop of a request that asks for it (RFC 9110 section 7.6.2).
func countHop(r *http.Request) error {
	values := r.Header["Max-Forwards"]
	if len(values) == 0 || r.Method != http.MethodOptions {
		return nil // TRACE, the other method that it is for, is never passed on
	}
	n, err := strconv.ParseUint(values[0], 10, 32)
	switch {
	case err != nil || len(values) > 1:
		return fmt.Errorf("%w: Max-Forwards is not a number", ErrBadRequest)
	case n == 0:
		return ErrLastHop
	}
	r.Header["Max-Forwards"] = []string{strconv.FormatUint(n-1, 10)}
	return nil
}

// Trailers makes the trailer fields of a request fit to go on; they are known once its body
// has been read to the end.
func (r *Record) Trailers(t http.Header) { stripTrailers(t, r.nominated) }

// strip removes fields that are not what they seem. CGI and WSGI read every name in upper case
// with underscores for all that is no letter or digit, so that X_Forwarded_For and X.Forwarded.For
// are X-Forwarded-For there: such an alias of a field that we rule is removed, whoever sent it. If
// the peer is a stranger, every field goes that claims to say where the request came from.
func strip(h http.Header, stranger bool) {
	for name := range h {
		switch plain := dashed(name); {
		case plain != name && ruled(http.CanonicalHeaderKey(plain)):
			delete(h, name)
		case stranger && claims(plain), plain == "Proxy": // "httpoxy", CVE-2016-5385
			delete(h, name)
		}
	}
}

// dashed is a field's name with dashes for all that is neither a letter nor a digit: the name
// itself, without a copy, for almost all fields.
func dashed(name string) string {
	for i := 0; i < len(name); i++ {
		if !plainByte(name[i]) {
			return strings.Map(func(r rune) rune {
				if r < 0x80 && plainByte(byte(r)) {
					return r
				}
				return '-'
			}, name)
		}
	}
	return name
}

func plainByte(c byte) bool {
	return c == '-' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// ruled tells whether a field, by its canonical name, means something to this hop.
func ruled(name string) bool {
	return claims(name) || framing(name) || slices.Contains(hopByHop[:], name)
}

// claims tells whether a field, by its canonical name, says where a request came from.
func claims(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" || name == "X-Scheme" || name == "Forwarded"
}

// setForwarded says where the request came from. A trusted peer's own words stay, and
// X-Forwarded-For grows by the peer.
func setForwarded(r *http.Request, upgrade, peer, server string) {
	h := r.Header
	values := new([6]string) // one allocation for all the fields
	n := 0
	set := func(name, value string) {
		values[n] = value
		h[name] = values[n : n+1 : n+1]
		n++
	}
	if prior := h["X-Forwarded-For"]; len(prior) > 0 {
		set("X-Forwarded-For", strings.Join(prior, ", ")+", "+peer)
	} else {
		set("X-Forwarded-For", peer)
	}
	if h["X-Real-Ip"] == nil {
		set("X-Real-Ip", peer)
	}
	if h["X-Forwarded-Proto"] == nil {
		set("X-Forwarded-Proto", forwardedProto(r, upgrade))
	}
	if h["X-Forwarded-Host"] == nil && r.Host != "" {
		set("X-Forwarded-Host", r.Host)
	}
	if h["X-Forwarded-Port"] == nil {
		set("X-Forwarded-Port", forwardedPort(r))
	}
	if h["X-Forwarded-Server"] == nil && server != "" {
		set("X-Forwarded-Server", server)
	}
}

// forwardedProto names the scheme as Traefik does: ws and wss for a WebSocket handshake.
func forwardedProto(r *http.Request, upgrade string) string {
	proto := "http"
	if strings.EqualFold(upgrade, "websocket") {
		proto = "ws"
	}
	if r.TLS != nil {
		proto += "s"
	}
	return proto
}

// forwardedPort is the port that the client meant: its Host's, else its scheme's.
func forwardedPort(r *http.Request) string {
	if strings.IndexByte(r.Host, ':') >= 0 {
		if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
			return port
		}
	}
	if r.Header.Get("X-Forwarded-Proto") == "https" || r.Header.Get("X-Forwarded-Proto") == "wss" {
		return "443"
	}
	return "80"
}
