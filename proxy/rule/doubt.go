package rule

import (
	"net/netip"
	"regexp"
	"strings"
)

// doubtful notes what is legal in n but cannot mean what it seems to.
func (p *parser) doubtful(n *node, values []value) {
	v := values[len(values)-1]
	switch n.op {
	case opHost, opHostWildcard:
		p.doubtfulHost(n, v)
	case opPath, opPathPrefix:
		p.doubtfulPath(n, v)
	case opHostRegexp, opPathRegexp, opHeaderRegexp, opQueryRegexp:
		if i := namedGroup(v.text); i >= 0 {
			p.doubt(v.at(i), "write "+v3Regexp(n, v.text), "Traefik v3 takes the braces of %s literally", n.name)
		}
	case opHeader:
		if n.key == "Host" {
			p.doubt(values[0].offset, "write "+call("Host", n.value), "Host is never among the headers that are matched")
		}
	case opQuery:
		if name, val, ok := strings.Cut(n.key, "="); ok && len(values) == 1 && name != "" && val != "" {
			p.doubt(values[0].offset, "write "+call("Query", name, val), "no query parameter has a = in its name")
		}
	}
}

func (p *parser) doubt(offset int, cure, format string, args ...any) {
	p.doubts = append(p.doubts, p.errorf(offset, cure, format, args...))
}

// doubtfulHost notes values that no request's host can equal.
func (p *parser) doubtfulHost(n *node, v value) {
	name := strings.TrimPrefix(v.text, "*.")
	i := strings.IndexAny(name, "/:*,{ ")
	if _, err := netip.ParseAddr(v.text); i < 0 || err == nil {
		return
	}
	cure, at := "", v.at(i+len(v.text)-len(name))
	switch scheme, rest, ok := strings.Cut(v.text, "://"); {
	case ok && scheme != "" && rest != "":
		cure = "write the name alone: " + call("Host", hostOf(rest))
	case name[i] == ':' || name[i] == '/':
		cure = "write the name alone: " + call("Host", hostOf(v.text))
	case name[i] == ',' || name[i] == ' ':
		cure = "write " + anyOf("Host", strings.FieldsFunc(v.text, func(r rune) bool { return r == ',' || r == ' ' }))
	default:
		cure = "write the star alone as the first label, or HostRegexp"
	}
	p.doubt(at, cure, "no request's host has a %q here", name[i])
}

// hostOf is the name at the start of what was meant as a URL.
func hostOf(s string) string {
	if end := strings.IndexAny(s, "/,{ "); end >= 0 {
		s = s[:end]
	}
	return withoutPort(s)
}

// doubtfulPath notes values that no request's path, as rules see it, can begin with.
func (p *parser) doubtfulPath(n *node, v value) {
	if strings.ContainsAny(v.text, "{}") && namedGroup(v.text) >= 0 {
		p.doubt(v.at(namedGroup(v.text)), "write "+v3Regexp(n, v.text), "Traefik v3 takes the braces of %s literally", n.name)
		return
	}
	if i := strings.IndexAny(v.text, "?#"); i >= 0 {
		p.doubt(v.at(i), "write Query for what follows the ?", "no request's path has a %q", v.text[i])
		return
	}
	if plain := decode(v.text); plain != v.text {
		p.doubt(v.at(strings.IndexByte(v.text, '%')), "write "+call(n.name, plain), "paths are compared decoded")
	}
}

// v2Group finds what Traefik v2 wrote as {name} or {name:regexp}. What precedes the brace must
// not make it one of Go's \p{Greek} and \x{10FFFF}.
var v2Group = regexp.MustCompile(`(?:^|^[pPx]|[^pPx]|[^\\][pPx])\{[A-Za-z_][A-Za-z0-9_-]*[:}]`)

// namedGroup is the offset of the first brace of Traefik v2's syntax, or -1.
func namedGroup(s string) int {
	at := v2Group.FindStringIndex(s)
	if at == nil {
		return -1
	}
	return at[0] + strings.IndexByte(s[at[0]:at[1]], '{')
}

// v3Regexp is the v3 matcher for what n says if its value, s, is in Traefik v2's syntax: all but
// the groups is literal there, and the whole is anchored.
func v3Regexp(n *node, s string) string {
	name, open, end, whole := n.name, "^", "$", "[^/]+"
	args := append([]string(nil), n.args...)
	switch n.op {
	case opPath:
		name = "PathRegexp"
	case opPathPrefix:
		name, end = "PathRegexp", ""
	case opHostRegexp:
		whole = "[^.]+"
	case opPathRegexp, opHeaderRegexp, opQueryRegexp: // unknown to v2, or without groups there
		open, end, whole = "", "", ".+"
	}
	args[len(args)-1] = open + withoutGroups(s, whole, n.re == nil || n.op == opHostRegexp) + end
	return call(name, args...)
}

// withoutGroups replaces each {name:regexp} by its regexp and each {name} by whole.
// What is outside of them is quoted if it is literal.
func withoutGroups(s, whole string, literal bool) string {
	var b strings.Builder
	for s != "" {
		open := namedGroup(s)
		if open < 0 {
			open = len(s)
		}
		if literal {
			b.WriteString(regexp.QuoteMeta(s[:open]))
		} else {
			b.WriteString(s[:open])
		}
		if s = s[open:]; s == "" {
			break
		}
		end := closingBrace(s)
		switch _, re, ok := strings.Cut(s[1:end], ":"); {
		case !ok:
			b.WriteString(whole)
		case strings.Contains(re, "|"):
			b.WriteString("(" + re + ")")
		default:
			b.WriteString(re)
		}
		s = s[min(end+1, len(s)):]
	}
	return b.String()
}

// closingBrace is the offset of the brace that closes the one s begins with, or len(s).
func closingBrace(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// anyOf is how v3 writes a matcher with several values of v2.
func anyOf(name string, args []string) string {
	var b strings.Builder
	for i, arg := range args {
		if i > 0 {
			b.WriteString(" || ")
		}
		renderCall(&b, name, []string{arg})
	}
	if len(args) > 1 {
		return "(" + b.String() + ")"
	}
	return b.String()
}
