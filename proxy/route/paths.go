package route

import (
	"maps"
	"slices"
	"strings"
)

// A pathIndex holds prefixes of paths, sorted. All prefixes of one path form a chain from the
// longest to the shortest, whatever else is between them.
type pathIndex []prefix

type prefix struct {
	text    string
	shorter int     // the place of the longest other one that text begins with; -1: none
	ranks   []int32 // ascending
}

func indexPaths(ranks ranksByPrefix) pathIndex {
	p := make(pathIndex, 0, len(ranks))
	for _, text := range slices.Sorted(maps.Keys(ranks)) {
		// What text begins with sorts before it, with only more of its like between.
		p = append(p, prefix{text: text, shorter: p.chain(len(p)-1, text), ranks: ranks[text]})
	}
	return p
}

// longest is the place of the longest prefix of path, or -1.
func (p pathIndex) longest(path string) int {
	low, high := 0, len(p) // the first that sorts after path
	for low < high {
		if mid := int(uint(low+high) / 2); p[mid].text <= path {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return p.chain(low-1, path)
}

// chain follows the chain from place i to the first that path begins with.
func (p pathIndex) chain(i int, path string) int {
	for i >= 0 && !strings.HasPrefix(path, p[i].text) {
		i = p[i].shorter
	}
	return i
}
