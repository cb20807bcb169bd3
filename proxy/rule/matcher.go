package rule

import (
	"errors"
	"net/http"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// A matcher is a kind of condition.
type matcher struct {
	name     string
	op       op
	least    int      // how many values it takes
	most     int      // likewise
	examples []string // a value for each
}

var matchers = [...]matcher{
	{"ClientIP", opClientIP, 1, 1, []string{"10.0.0.0/8"}},
	{"Header", opHeader, 2, 2, []string{"X-Name", "value"}},
	{"HeaderRegexp", opHeaderRegexp, 2, 2, []string{"X-Name", "^val.*$"}},
	{"Host", opHost, 1, 1, []string{"example.com"}},
	{"HostRegexp", opHostRegexp, 1, 1, []string{`^.+\.example\.com$`}},
	{"Method", opMethod, 1, 1, []string{"GET"}},
	{"Path", opPath, 1, 1, []string{"/path"}},
	{"PathPrefix", opPathPrefix, 1, 1, []string{"/path"}},
	{"PathRegexp", opPathRegexp, 1, 1, []string{`\.(jpeg|png)$`}},
	{"Query", opQuery, 1, 2, []string{"name", "value"}},
	{"QueryRegexp", opQueryRegexp, 1, 2, []string{"name", "^val.*$"}},
}

// lookup finds a matcher by the four spellings that Traefik takes: PathPrefix, pathprefix,
// PATHPREFIX and Pathprefix. It returns nil for any other.
func lookup(name string) *matcher {
	for i := range matchers {
		m := &matchers[i]
		if !strings.EqualFold(name, m.name) {
			continue
		}
		lower := strings.ToLower(m.name)
		switch name {
		case m.name, lower, strings.ToUpper(m.name), m.name[:1] + lower[1:]:
			return m
		}
		return nil
	}
	return nil
}

func (m *matcher) example() string { return call(m.name, m.examples...) }

// build gives a matcher its values. start is where its name stands.
func (p *parser) build(m *matcher, start int, values []value) (node, error) {
	n := node{op: m.op, name: m.name}
	for _, v := range values {
		n.args = append(n.args, v.text)
	}
	if len(values) < m.least || len(values) > m.most {
		return node{}, p.wrongCount(m, start, n.args)
	}
	for _, v := range values {
		if v.text == "" {
			return node{}, p.errorf(v.offset, "write for instance "+m.example(), "%s has an empty value", m.name)
		}
	}
	if err := p.give(&n, values); err != nil {
		return node{}, err
	}
	p.doubtful(&n, values)
	return n, nil
}

func (p *parser) wrongCount(m *matcher, start int, args []string) *SyntaxError {
	want := "1 value"
	switch {
	case m.least == 2:
		want = "2 values"
	case m.most == 2:
		want = "1 or 2 values"
	}
	cure := "write for instance " + m.example()
	if m.most == 1 && len(args) > 1 {
		cure = "write " + anyOf(m.name, args)
	}
	return p.errorf(start, cure, "%s takes %s, not %d", m.name, want, len(args))
}

// give sets what n compares with, which depends on its kind. values are as many as its kind
// takes and not empty.
func (p *parser) give(n *node, values []value) (err error) {
	first, last := values[0], values[len(values)-1]
	n.key, n.value = first.text, last.text
	switch n.op {
	case opHost:
		return p.giveHost(n, first)
	case opHostRegexp:
		if err := p.ascii(n, first); err != nil {
			return err
		}
		n.re, err = p.regexp(n, last)
	case opPath, opPathPrefix:
		if first.text[0] != '/' {
			return p.errorf(first.at(0), "write "+call(n.name, "/"+first.text), "the path of %s has no / at its start", n.name)
		}
	case opMethod:
		n.value = strings.ToUpper(n.value)
	case opHeader:
		n.key = http.CanonicalHeaderKey(n.key)
	case opHeaderRegexp:
		n.key = http.CanonicalHeaderKey(n.key)
		n.re, err = p.regexp(n, last)
	case opQuery, opQueryRegexp:
		if len(values) == 1 {
			n.op, n.value = opQuery, "" // Traefik: the parameter is there, with an empty value
		} else if n.op == opQueryRegexp {
			n.re, err = p.regexp(n, last)
		}
	case opPathRegexp:
		n.re, err = p.regexp(n, last)
	case opClientIP:
		n.net, err = p.network(first)
	}
	return err
}

// giveHost tells a name from *.name and from *, which takes also requests without a host.
func (p *parser) giveHost(n *node, v value) error {
	if v.text == "*" {
		n.op = opAny
		return nil
	}
	if err := p.ascii(n, v); err != nil {
		return err
	}
	n.value = withoutRootDot(strings.ToLower(v.text))
	if rest, wild := strings.CutPrefix(n.value, "*."); wild {
		n.op, n.value = opHostWildcard, "."+rest
	}
	return nil
}

func (p *parser) ascii(n *node, v value) error {
	for i := range len(v.text) {
		if v.text[i] >= utf8.RuneSelf {
			return p.errorf(v.at(i), "write the name in punycode (xn--…), which is what browsers send",
				"%s takes ASCII only", n.name)
		}
	}
	return nil
}

func (p *parser) regexp(n *node, v value) (*regexp.Regexp, error) {
	re, err := regexp.Compile(v.text)
	if err == nil {
		return re, nil
	}
	offset, reason := v.offset, err.Error()
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		offset, reason = v.at(max(0, strings.Index(v.text, e.Expr))), e.Code.String()+" at "+e.Expr
	}
	return nil, p.errorf(offset, "write a regular expression in Go's syntax (RE2)",
		"the regular expression of %s cannot be read: %s", n.name, reason)
}

// network reads an address, which stands for itself alone, or a network in CIDR notation.
func (p *parser) network(v value) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(v.text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(v.text)
	if err != nil {
		return prefix, p.errorf(v.at(0), "write for instance 192.168.1.7, 192.168.1.0/24 or fe80::/10",
			"%q is neither an address nor a network", v.text)
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		return netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96), nil
	}
	return prefix, nil
}
