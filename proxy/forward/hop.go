package forward

import (
	"net/http"
	"slices"
	"strings"
)

// hopByHop are the fields that end at this hop even if Connection does not name them
// (RFC 9110 section 7.6.1), and those that old clients and proxies treat so.
var hopByHop = [...]string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings",
}

// stripHopByHop removes the fields of h that concern this connection alone: those that
// Connection nominates, then the well-known ones. It runs before any field of our own is
// set, so that no peer can nominate those away. The names that were nominated belong to the
// trailers, too.
func stripHopByHop(h http.Header) (nominated []string) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			switch name = strings.TrimSpace(name); {
			case name == "" || strings.EqualFold(name, "keep-alive") || strings.EqualFold(name, "close"):
			default:
				h.Del(name)
				nominated = append(nominated, http.CanonicalHeaderKey(name))
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
	return nominated
}

// stripTrailers removes from trailer fields what must not go on in them: what concerns this
// connection, and what would claim to be ours if a recipient merged them with the header
// (RFC 9110 sections 6.5.1 and 7.6.1).
func stripTrailers(t http.Header, nominated []string) {
	for name := range t {
		if slices.Contains(nominated, name) || ruled(http.CanonicalHeaderKey(dashed(name))) {
			delete(t, name)
		}
	}
}

// framing are the fields that rule where a message ends or goes.
func framing(name string) bool {
	return name == "Content-Length" || name == "Host"
}

// hasToken tells whether a comma-separated field of h has the token, in any case
// (RFC 9110 section 5.6.1).
func hasToken(h http.Header, name, token string) bool {
	for _, v := range h[name] {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// upgradeOf is the first protocol that the message asks for, or agrees, to change to and that is
// among those allowed, "" if none. h2c never is: it would hide further requests from the rules
// ("h2c smuggling").
func upgradeOf(h http.Header, allowed []string) string {
	if len(h["Upgrade"]) == 0 || !hasToken(h, "Connection", "upgrade") {
		return ""
	}
	for _, v := range h["Upgrade"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); slices.Contains(allowed, strings.ToLower(name)) {
				return name
			}
		}
	}
	return ""
}
