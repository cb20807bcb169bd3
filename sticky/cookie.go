package sticky

import (
	"net/http"
	"strings"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Cookie reads and writes the pins of one service.
type Cookie struct {
	keys    Keys
	service string
	form    http.Cookie // all but the value
}

// New makes the cookie of a service, with the attributes that Traefik would write.
func New(c discovery.Cookie, k Keys, service string) *Cookie {
	sameSite := map[string]http.SameSite{
		"none":   http.SameSiteNoneMode,
		"lax":    http.SameSiteLaxMode,
		"strict": http.SameSiteStrictMode,
	}
	return &Cookie{keys: k, service: service, form: http.Cookie{
		Name:     c.Name,
		Path:     c.Path,
		Domain:   c.Domain,
		Secure:   c.Secure,
		HttpOnly: c.HTTPOnly,
		SameSite: sameSite[c.SameSite],
		MaxAge:   c.MaxAge,
	}}
}

// maxCookies bounds how many cookies of the name are looked at. A browser sends several if
// they were set for different paths or domains; a stranger may send any number.
const maxCookies = 8

// Read finds the pin that a request carries: of several cookies of the name the first that
// is valid and alive, or if none is alive the first that is valid, for its seat may be of
// use. Anything else is no pin. alive tells whether a pin's task is in service.
func (c *Cookie) Read(h http.Header, alive func(discovery.Pin) bool) (pin discovery.Pin, found bool) {
	seen := 0
	for _, line := range h["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			value, ours := c.value(pair)
			if !ours {
				continue
			}
			if seen++; seen > maxCookies {
				return pin, found
			}
			p, err := c.keys.Open(c.service, value)
			if err != nil {
				continue
			}
			if alive(p) {
				return p, true
			}
			if !found {
				pin, found = p, true
			}
		}
	}
	return pin, found
}

// value is what a pair of a Cookie line (RFC 6265, section 4.2) gives to this cookie.
func (c *Cookie) value(pair string) (value string, ours bool) {
	name, value, ours := strings.Cut(pair, "=")
	if !ours || strings.Trim(name, " \t") != c.form.Name {
		return "", false
	}
	return strings.Trim(value, " \t"), true
}

// Write adds the Set-Cookie line for a pin to an answer's header.
func (c *Cookie) Write(h http.Header, p discovery.Pin) {
	form := c.form
	form.Value = c.keys.Seal(p)
	h.Add("Set-Cookie", form.String())
}
