package upstream

import "strings"

// malformed is what is wrong with bytes that should have been HTTP.
type malformed string

func (m malformed) Error() string { return string(m) }

// class says where an octet may stand.
type class uint8

const (
	tokenByte  class = 1 << iota // RFC 9110 section 5.6.2
	valueByte                    // field-vchar, SP, HTAB: RFC 9110 section 5.5
	targetByte                   // neither CTL nor SP
	hostByte                     // what uri-host and port are made of: RFC 3986 section 3.2.2
)

var classes = classify()

func classify() (t [256]class) {
	for i := range t {
		b := byte(i)
		alnum := '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
		if alnum || b != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 {
			t[i] |= tokenByte
		}
		if b > ' ' && b != 0x7f {
			t[i] |= valueByte | targetByte
		}
		if b == ' ' || b == '\t' {
			t[i] |= valueByte
		}
		if alnum || b != 0 && strings.IndexByte("-._~!$&'()*+,;=:[]%", b) >= 0 {
			t[i] |= hostByte
		}
	}
	return t
}

// only reports whether all octets of s are of the class.
func only(s string, c class) bool {
	for i := range len(s) {
		if classes[s[i]]&c == 0 {
			return false
		}
	}
	return true
}

func token(s string) bool { return s != "" && only(s, tokenByte) }

// hasToken reports whether a comma-separated list field holds the token, in any case.
func hasToken(values []string, t string) bool {
	for _, v := range values {
		for v != "" {
			var item string
			item, v, _ = strings.Cut(v, ",")
			if strings.EqualFold(trim(item), t) {
				return true
			}
		}
	}
	return false
}

// trim takes off optional whitespace: SP and HTAB only (RFC 9110 section 5.6.3).
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
