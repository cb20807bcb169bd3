package labels

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/internal/spelling"
)

// nearest is the known path that was most likely meant by an unknown one, with its names; "" if
// none is near.
func nearest(unknown Setting) string {
	s := search{unknown: unknown, least: 6}
	s.walk(grammar, unknown.Path, nil, 0)
	return s.found
}

// A search goes through the tree of keys, and turns back where it costs more than the best so far.
type search struct {
	unknown Setting
	least   int // a path must cost less than this
	found   string
}

// The costs of a word too few and of a word too many. Misspelt letters cost 1 each.
const (
	wordMissing  = 3
	wordTooMany  = 4
	lettersBound = 4
)

func (s *search) walk(n *node, rest, taken []string, cost int) {
	if cost >= s.least {
		return
	}
	if len(rest) == 0 && n.key != nil && s.unknown.takes(n.key.Place) || len(rest) > 0 && n.rest != nil {
		s.least, s.found = cost, strings.Join(slices.Concat(taken, rest), ".")
		return
	}
	taken = taken[:len(taken):len(taken)]
	if len(rest) > 0 {
		word := fieldOf(rest[0])
		for _, field := range slices.Sorted(maps.Keys(n.fields)) {
			if d := spelling.Distance(word, field, lettersBound); d < lettersBound && d <= near(field) {
				s.walk(n.fields[field], rest[1:], append(taken, spell(field, rest[0])), cost+d)
			}
		}
		s.walk(n, rest[1:], taken, cost+wordTooMany)
	}
	for _, field := range slices.Sorted(maps.Keys(n.fields)) {
		if next := n.fields[field]; !next.open() {
			s.walk(next, rest, append(taken, spell(field, "[0]")), cost+wordMissing)
		}
	}
	if n.name != nil && len(rest) > 0 && rest[0] != "" {
		s.walk(n.name, rest[1:], append(taken, rest[0]), cost)
	}
}

// open says whether anything at all fits below a word, so that supposing the word proves nothing.
func (n *node) open() bool { return n.rest != nil || n.name != nil && n.name.rest != nil }

// spell is a field as it is written in a path, with the item's number if it has one.
func spell(field, as string) string {
	bare, item := strings.CutSuffix(field, "[]")
	if !item {
		return field
	}
	if open := strings.IndexByte(as, '['); open >= 0 {
		return bare + as[open:]
	}
	return bare + "[0]"
}

// near is how many misspelt letters a word may have and still be recognised.
func near(word string) int { return min(3, (len(word)+1)/3) }
