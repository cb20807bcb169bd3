package rule

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A node is an operator with its operands, or a matcher with its values. It is one concrete
// type rather than an interface with an implementation for each matcher so that a Request
// given to it can stay on the caller's stack.
type node struct {
	op   op
	kids []node // of an operator

	name string   // of a matcher, as Traefik's documentation spells it
	args []string // its values as written, for rendering

	key   string         // of a header or query parameter
	value string         // what is compared with
	re    *regexp.Regexp // likewise
	net   netip.Prefix   // likewise
}

type op uint8

const (
	opAnd op = iota // of two kids or more, none of them an opAnd
	opOr            // of two kids or more, none of them an opOr
	opNot           // of one kid
	opAny
	opHost
	opHostWildcard // value is what follows the first label, with the dot
	opHostRegexp
	opPath
	opPathPrefix
	opPathRegexp
	opMethod
	opHeader
	opHeaderRegexp
	opQuery
	opQueryRegexp
	opClientIP
)

func (n *node) match(q *Request) bool {
	switch n.op {
	case opAnd:
		for i := range n.kids {
			if !n.kids[i].match(q) {
				return false
			}
		}
		return true
	case opOr:
		for i := range n.kids {
			if n.kids[i].match(q) {
				return true
			}
		}
		return false
	case opNot:
		return !n.kids[0].match(q)
	}
	return n.matchLeaf(q)
}

func (n *node) matchLeaf(q *Request) bool {
	switch n.op {
	case opAny:
		return true
	case opHost:
		return q.host == n.value
	case opHostWildcard:
		return strings.HasSuffix(q.host, n.value) && strings.IndexByte(q.host, '.') == len(q.host)-len(n.value)
	case opHostRegexp:
		return n.re.MatchString(q.named)
	case opPath:
		return q.path == n.value
	case opPathPrefix:
		return strings.HasPrefix(q.path, n.value)
	case opPathRegexp:
		return n.re.MatchString(q.path)
	case opMethod:
		return q.http.Method == n.value
	case opHeader:
		return slices.Contains(q.http.Header[n.key], n.value)
	case opHeaderRegexp:
		return n.matchOne(q.http.Header[n.key])
	case opQuery:
		return slices.Contains(q.queryValues(n.key), n.value)
	case opQueryRegexp:
		return n.matchOne(q.queryValues(n.key))
	case opClientIP:
		return n.net.Contains(q.clientAddr())
	}
	panic("rule: a node without an operation")
}

// matchOne reports whether the regular expression matches one of the values.
func (n *node) matchOne(values []string) bool {
	for _, v := range values {
		if n.re.MatchString(v) {
			return true
		}
	}
	return false
}

// render writes the node so that it parses to itself.
func (n *node) render(b *strings.Builder) {
	switch n.op {
	case opAnd, opOr:
		sign := " && "
		if n.op == opOr {
			sign = " || "
		}
		for i := range n.kids {
			if i > 0 {
				b.WriteString(sign)
			}
			n.kids[i].renderUnder(n.op, b)
		}
	case opNot:
		b.WriteByte('!')
		n.kids[0].renderUnder(opNot, b)
	default:
		renderCall(b, n.name, n.args)
	}
}

// renderUnder renders an operand, in parentheses if it binds less tightly than its operator.
func (n *node) renderUnder(parent op, b *strings.Builder) {
	if n.op == opOr || n.op == opAnd && parent == opNot {
		b.WriteByte('(')
		n.render(b)
		b.WriteByte(')')
		return
	}
	n.render(b)
}

func renderCall(b *strings.Builder, name string, args []string) {
	b.WriteString(name)
	b.WriteByte('(')
	for i, arg := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		if strconv.CanBackquote(arg) {
			b.WriteByte('`')
			b.WriteString(arg)
			b.WriteByte('`')
		} else {
			b.WriteString(strconv.Quote(arg))
		}
	}
	b.WriteByte(')')
}

// call is a matcher with its values, as text.
func call(name string, args ...string) string {
	var b strings.Builder
	renderCall(&b, name, args)
	return b.String()
}
