package configs

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A kind is a set of values that an option may have, and how they are written.
type kind[T any] struct {
	name    string // in the help, after the option: duration
	accepts string // in an error, after "write": `a duration such as 10s`
	bare    bool   // a flag without a value means true
	list    bool   // several values, joined by commas
	parse   func(string) (T, error)
}

// text is any string. what is its name in the help.
func text(what string) kind[string] {
	return kind[string]{name: what, accepts: "one value", parse: func(s string) (string, error) { return s, nil }}
}

// path is where a unix socket is: absolute, and short enough for the kernel.
func path() kind[string] {
	const longest = 107 // sun_path of unix(7), without its end
	return kind[string]{name: "path", accepts: fmt.Sprintf("an absolute path of at most %d bytes such as /run/fairlead/door.sock", longest), parse: func(s string) (string, error) {
		if !strings.HasPrefix(s, "/") || len(s) > longest {
			return "", strconv.ErrSyntax
		}
		return s, nil
	}}
}

func boolean() kind[bool] {
	return kind[bool]{name: "bool", accepts: "true or false", bare: true, parse: strconv.ParseBool}
}

// maybe is a boolean that also tells whether it was set.
func maybe() kind[*bool] {
	b := boolean()
	return kind[*bool]{name: b.name, accepts: b.accepts, bare: true, parse: func(s string) (*bool, error) {
		v, err := b.parse(s)
		return &v, err
	}}
}

func number(least, most int) kind[int] {
	return kind[int]{name: "number", accepts: fmt.Sprintf("a number from %d to %d", least, most), parse: func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err == nil && (n < least || n > most) {
			err = strconv.ErrRange
		}
		return n, err
	}}
}

// duration is written as in Go, or as a bare number of seconds, which is Traefik's habit.
func duration(least, most time.Duration) kind[time.Duration] {
	accepts := "a duration such as 10s or 500ms"
	if least > 0 {
		accepts = fmt.Sprintf("a duration from %v to %v", least, most)
	}
	return kind[time.Duration]{name: "duration", accepts: accepts, parse: func(s string) (time.Duration, error) {
		if _, err := strconv.Atoi(s); err == nil {
			s += "s"
		}
		d, err := time.ParseDuration(s)
		if err == nil && (d < least || d > most) {
			err = strconv.ErrRange
		}
		return d, err
	}}
}

// oneOf is a word of a list, in any case.
func oneOf(words ...string) kind[string] {
	return kind[string]{name: strings.Join(words, "|"), accepts: strings.Join(words, ", "), parse: func(s string) (string, error) {
		s = strings.ToLower(s)
		if !slices.Contains(words, s) {
			return "", strconv.ErrSyntax
		}
		return s, nil
	}}
}

// prefixes are addresses and networks in CIDR notation.
func prefixes() kind[[]netip.Prefix] {
	return kind[[]netip.Prefix]{name: "list", accepts: "addresses or networks such as 10.0.0.1,192.168.0.0/16", list: true, parse: func(s string) ([]netip.Prefix, error) {
		var ps []netip.Prefix
		for part := range strings.SplitSeq(s, ",") {
			part = strings.TrimSpace(part)
			if part == "" {
				continue
			}
			p, err := prefix(part)
			if err != nil {
				return nil, err
			}
			ps = append(ps, p)
		}
		return ps, nil
	}}
}

func prefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// address is where to listen, without Traefik's "/tcp".
func address() kind[string] {
	return kind[string]{name: "address", accepts: "an address with a TCP port such as :80 or 127.0.0.1:8080", parse: func(s string) (string, error) {
		s = strings.TrimSuffix(s, "/tcp")
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			return "", err
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", err
		}
		if strings.ContainsAny(host, " /[]") {
			return "", strconv.ErrSyntax
		}
		return s, nil
	}}
}

// endpoint is where an engine's API is.
func endpoint() kind[string] {
	return kind[string]{name: "url", accepts: "unix:///path, tcp://host:port, http://host:port or https://host:port (not ssh)", parse: func(s string) (string, error) {
		scheme, rest, _ := strings.Cut(s, "://")
		if !slices.Contains([]string{"unix", "tcp", "http", "https"}, scheme) || rest == "" || strings.ContainsAny(rest, " \t\r\n") {
			return "", strconv.ErrSyntax
		}
		return s, nil
	}}
}

// protocols are names for the Upgrade field, in lower case.
func protocols() kind[[]string] {
	return kind[[]string]{name: "list", accepts: "protocols such as websocket,tcp, but not h2c", list: true, parse: func(s string) ([]string, error) {
		var names []string
		for part := range strings.SplitSeq(strings.ToLower(s), ",") {
			switch name := strings.TrimSpace(part); {
			case name == "":
			case name == "h2c" || strings.ContainsFunc(name, func(r rune) bool { return r != '/' && !tokenRune(r) }):
				return nil, strconv.ErrSyntax
			default:
				names = append(names, name)
			}
		}
		return names, nil
	}}
}

// pseudonym is a name for the Via field (RFC 9110 section 7.6.3), or nothing.
func pseudonym() kind[string] {
	return kind[string]{name: "name", accepts: "one word such as edge", parse: func(s string) (string, error) {
		if strings.ContainsFunc(s, func(r rune) bool { return !tokenRune(r) }) {
			return "", strconv.ErrSyntax
		}
		return s, nil
	}}
}

// tokenRune tells whether a token may hold r (RFC 9110 section 5.6.2).
func tokenRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
