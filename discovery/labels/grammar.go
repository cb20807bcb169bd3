package labels

import (
	"slices"
	"strings"
)

// A Key is one row of the table of keys.
type Key struct {
	// Pattern of the path. * stands for a name, [] for the number of an item, and ** at the end for
	// whatever follows.
	Pattern string
	// Doc says in a line what the key does.
	Doc string
	// Place is where it may be written.
	Place Place
	// Later keys are Traefik's, and not supported yet.
	Later bool

	set setter
	// object is how many words of the path name the object that a Later key belongs to, which is
	// reported once however many of its keys are set.
	object int
	cure   string
}

// Place is where a key may be written.
type Place int

// The places.
const (
	Everywhere Place = iota
	InLabels         // the cluster's: a file has no use for it
	InFiles          // Traefik reads it in files only
	Own              // Fairlead's: Traefik would refuse it, so it is not read under its prefix
)

// A setter puts a value where its key says. names are what the pattern's stars stand for.
type setter func(d *Definition, s Setting, names []string) *misfit

// A node is a word of the patterns, and what may follow it.
type node struct {
	fields map[string]*node // by word, in lower case; an item's word ends in []
	name   *node            // what follows a name
	rest   *Key             // the key of whatever follows
	key    *Key             // the key that ends here
}

// grammar is the table of keys as a tree.
var grammar = plant(table())

// Keys lists all known keys, sorted by pattern.
func Keys() []Key {
	keys := table()
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Pattern, b.Pattern) })
	return keys
}

func table() []Key {
	return slices.Concat(serviceWideKeys(), routerKeys(), balancerKeys(), cookieKeys(), probeKeys(), laterKeys())
}

func plant(keys []Key) *node {
	root := &node{}
	for i := range keys {
		root.add(&keys[i])
	}
	return root
}

func (n *node) add(key *Key) {
	for word := range strings.SplitSeq(key.Pattern, ".") {
		switch {
		case word == "**":
			n.rest = key
			return
		case word == "*":
			if n.name == nil {
				n.name = &node{}
			}
			n = n.name
		default:
			if n.fields == nil {
				n.fields = map[string]*node{}
			}
			if n.fields[word] == nil {
				n.fields[word] = &node{}
			}
			n = n.fields[word]
		}
	}
	n.key = key
}

// find looks a path up. names are what the pattern's stars stand for; the key is nil if there is
// none.
func (n *node) find(path []string) (key *Key, names []string) {
	for _, word := range path {
		if next := n.fields[fieldOf(word)]; next != nil {
			n = next
			continue
		}
		if n.name == nil {
			return n.rest, names
		}
		if word == "" {
			return nil, nil
		}
		n, names = n.name, append(names, word)
	}
	if n.key == nil {
		return n.rest, names
	}
	return n.key, names
}

// fieldOf is how a word of a path stands in the tree: in lower case, without an item's number.
func fieldOf(word string) string {
	word = strings.ToLower(word)
	if open := strings.IndexByte(word, '['); open > 0 && strings.HasSuffix(word, "]") {
		if digits := word[open+1 : len(word)-1]; digits != "" && strings.Trim(digits, "0123456789") == "" {
			return word[:open] + "[]"
		}
	}
	return word
}
