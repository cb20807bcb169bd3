package wire

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// Lines counts the field lines of a section, which ends in an empty one.
func Lines(section string) int { return strings.Count(section, "\n") - 1 }

// ParseFields reads the field lines of a section into h, by canonical names; values has room for as many as
// there are Lines. Whitespace before a colon and line folding are errors: RFC 9112 sections 5.1 and
// 5.2 would let a proxy mend them.
func ParseFields(section string, h http.Header, values []string) error {
	for i := 0; len(section) > len("\r\n"); i++ {
		end := strings.IndexByte(section, '\n')
		line := section[:end-1]
		section = section[end+1:]
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return Malformed("a field without a colon")
		}
		name, fine := Canonical(line[:colon])
		if !fine {
			return Malformed("a field's name is malformed")
		}
		value := Trim(line[colon+1:])
		if !Only(value, ValueByte) {
			return Malformed("the value of field " + name + " is malformed")
		}
		if old := h[name]; old != nil {
			h[name] = append(old, value)
			continue
		}
		values[i] = value
		h[name] = values[i : i+1 : i+1]
	}
	return nil
}

// Canonical is a field's name as http.Header has it, and whether it is one at all. Most come so.
func Canonical(name string) (string, bool) {
	same, upper := true, true
	for i := range len(name) {
		c := name[i]
		if classes[c]&TokenByte == 0 {
			return "", false
		}
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			same = false
		}
		upper = c == '-'
	}
	if !same {
		name = textproto.CanonicalMIMEHeaderKey(name)
	}
	return name, name != ""
}

// ParseLength reads a Content-Length. It takes digits only; not even the list of equal numbers that
// RFC 9110 section 8.6 lets a recipient take.
func ParseLength(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, Malformed("Content-Length is not a number")
	}
	return int64(n), nil
}

// MayTrail keeps out of trailers what rules the framing or the connection (RFC 9110 section 6.5.1).
func MayTrail(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Host", "Trailer", "Content-Length", "Transfer-Encoding":
		return false
	}
	return true
}
