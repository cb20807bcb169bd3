package rule

import "strings"

// A Key is a condition that an index can look up: necessary, not sufficient.
type Key struct {
	// Host is the request's host; "*.example.com" for any one label before the rest; "" for any.
	Host string
	// Prefix of the request's path; "" for any.
	Prefix string
}

// maxProduct bounds how many keys an && may make of its operands' keys.
const maxProduct = 256

// Keys are such that each request the rule matches fits at least one of them. None means that
// the rule never matches; one zero Key that nothing is known.
func (r *Rule) Keys() []Key {
	return r.root.keys(false)
}

// keys are the keys of the node, or of its opposite.
func (n *node) keys(opposite bool) []Key {
	switch {
	case n.op == opNot:
		return n.kids[0].keys(!opposite)
	case n.op == opAnd && !opposite, n.op == opOr && opposite: // De Morgan
		keys := n.kids[0].keys(opposite)
		for i := range n.kids[1:] {
			keys = both(keys, n.kids[i+1].keys(opposite))
		}
		return keys
	case n.op == opAnd, n.op == opOr:
		var keys []Key
		for i := range n.kids {
			keys = append(keys, n.kids[i].keys(opposite)...)
		}
		return distinct(keys)
	case opposite:
		return []Key{{}}
	}
	return []Key{n.leafKey()}
}

// leafKey is a matcher's key.
func (n *node) leafKey() Key {
	switch n.op {
	case opHost:
		return Key{Host: n.value}
	case opHostWildcard:
		return Key{Host: "*" + n.value}
	case opPath, opPathPrefix:
		return Key{Prefix: n.value}
	}
	return Key{}
}

// distinct drops repetitions, and all if one of them takes everything.
func distinct(keys []Key) []Key {
	seen := make(map[Key]bool, len(keys))
	kept := keys[:0]
	for _, k := range keys {
		if k == (Key{}) {
			return []Key{{}}
		}
		if !seen[k] {
			seen[k] = true
			kept = append(kept, k)
		}
	}
	return kept
}

// both are the keys of what fits one of a and one of b. If that is too many, one side's
// are enough.
func both(a, b []Key) []Key {
	if len(a) > 1 && len(b) > 1 && len(a)*len(b) > maxProduct {
		return sharper(a, b)
	}
	var keys []Key
	for _, x := range a {
		for _, y := range b {
			if k, ok := x.and(y); ok {
				keys = append(keys, k)
			}
		}
	}
	return distinct(keys)
}

// sharper is the side that says more: of hosts before of paths, few before many.
func sharper(a, b []Key) []Key {
	if ofHosts(a) != ofHosts(b) {
		if ofHosts(a) {
			return a
		}
		return b
	}
	if len(a) <= len(b) {
		return a
	}
	return b
}

func ofHosts(keys []Key) bool {
	for _, k := range keys {
		if k.Host == "" {
			return false
		}
	}
	return true
}

// and is the key of what fits both; false if nothing can.
func (k Key) and(other Key) (Key, bool) {
	host, ok := narrower(k.Host, other.Host, hostFits)
	if !ok {
		return Key{}, false
	}
	prefix, ok := narrower(k.Prefix, other.Prefix, strings.HasPrefix)
	return Key{Host: host, Prefix: prefix}, ok
}

// narrower is that of a and b which fits the other.
func narrower(a, b string, fits func(narrow, wide string) bool) (string, bool) {
	if fits(a, b) {
		return a, true
	}
	return b, fits(b, a)
}

// hostFits reports whether all hosts that fit the key narrow fit the key wide.
func hostFits(narrow, wide string) bool {
	if wide == "" || narrow == wide {
		return true
	}
	_, rest, _ := strings.Cut(narrow, ".")
	return strings.HasPrefix(wide, "*.") && rest == wide[len("*."):] && strings.Contains(narrow, ".")
}
