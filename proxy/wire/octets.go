// Package wire is the grammar of HTTP/1.1 on a connection, the same for what clients send and what
// backends answer: octets, heads, fields, lengths and chunks (RFC 9112). It takes one reading of each or none;
// RFC 9112 section 11.2 tells what comes of two.
package wire

import "strings"

// Malformed is what is wrong with bytes that should have been HTTP.
type Malformed string

func (m Malformed) Error() string { return string(m) }

// TooLarge is a head that is longer than it may be.
const TooLarge = Malformed("the head is too large")

// Class says where an octet may stand.
type Class uint8

// The classes.
const (
	TokenByte  Class = 1 << iota // RFC 9110 section 5.6.2
	ValueByte                    // field-vchar, SP, HTAB: RFC 9110 section 5.5
	TargetByte                   // neither CTL nor SP
	HostByte                     // what uri-host and port are made of: RFC 3986 section 3.2.2
)

var classes = classify()

func classify() (t [256]Class) {
	for i := range t {
		b := byte(i)
		alnum := '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
		if alnum || b != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 {
			t[i] |= TokenByte
		}
		if b > ' ' && b != 0x7f {
			t[i] |= ValueByte | TargetByte
		}
		if b == ' ' || b == '\t' {
			t[i] |= ValueByte
		}
		if alnum || b != 0 && strings.IndexByte("-._~!$&'()*+,;=:[]%", b) >= 0 {
			t[i] |= HostByte
		}
	}
	return t
}

// Only reports whether all octets of s are of the class.
func Only(s string, c Class) bool {
	for i := range len(s) {
		if classes[s[i]]&c == 0 {
			return false
		}
	}
	return true
}

// Token reports whether s is one (RFC 9110 section 5.6.2).
func Token(s string) bool { return s != "" && Only(s, TokenByte) }

// HasToken reports whether a comma-separated list field holds the token, in any case.
func HasToken(values []string, t string) bool {
	for _, v := range values {
		for v != "" {
			var item string
			item, v, _ = strings.Cut(v, ",")
			if strings.EqualFold(Trim(item), t) {
				return true
			}
		}
	}
	return false
}

// Trim takes off optional whitespace: SP and HTAB only (RFC 9110 section 5.6.3).
func Trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
