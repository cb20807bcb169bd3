package route

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/proxy/rule"
)

// An entry is one router as an index needs to know it.
type entry[T any] struct {
	name     string
	rule     *rule.Rule
	priority int // 0 stands for the length of the rule's text in bytes
	payload  T
}

// order compares entries by who is asked first: the higher priority, then the name. Traefik
// leaves routers of equal priority in an order that changes from one start to the next.
func (e *entry[T]) order(other *entry[T]) int {
	return cmp.Or(cmp.Compare(other.weight(), e.weight()), cmp.Compare(e.name, other.name))
}

func (e *entry[T]) weight() int {
	if e.priority == 0 {
		return len(e.rule.Text())
	}
	return e.priority
}

// An index finds, of many routers, the first whose rule matches a request, by evaluating few
// of them: those whose rule cannot do without the request's host or the beginning of its
// path are looked at only for such requests. It answers as a walk through all
// entries in their order would. It is built once and never changed.
type index[T any] struct {
	entries []entry[T]           // in order; an entry's place here is its rank
	exact   map[string]pathIndex // by host
	wild    map[string]pathIndex // by what follows a host's first label
	any     pathIndex            // of rules that take many hosts
}

// newIndex makes an index. Names must be unique. entries is the caller's again afterwards.
func newIndex[T any](entries []entry[T]) *index[T] {
	ix := &index[T]{entries: slices.Clone(entries)}
	slices.SortFunc(ix.entries, func(a, b entry[T]) int { return a.order(&b) })
	exact, wild, open := map[string]ranksByPrefix{}, map[string]ranksByPrefix{}, ranksByPrefix{}
	for rank := range ix.entries {
		for _, key := range ix.entries[rank].rule.Keys() {
			ranks := open
			if rest, ok := strings.CutPrefix(key.Host, "*."); ok {
				ranks = at(wild, rest)
			} else if key.Host != "" {
				ranks = at(exact, key.Host)
			}
			ranks[key.Prefix] = append(ranks[key.Prefix], int32(rank))
		}
	}
	ix.exact, ix.wild, ix.any = indexPathsOf(exact), indexPathsOf(wild), indexPaths(open)
	return ix
}

// match is the payload of the first entry whose rule matches; false if none does.
func (ix *index[T]) match(q *rule.Request) (T, bool) {
	best := ix.first(q, ix.exact[q.Host()], len(ix.entries))
	if _, rest, ok := strings.Cut(q.Host(), "."); ok {
		best = ix.first(q, ix.wild[rest], best)
	}
	best = ix.first(q, ix.any, best)
	if best == len(ix.entries) {
		var none T
		return none, false
	}
	return ix.entries[best].payload, true
}

// first is the lowest rank below limit of an entry of p that matches, or else limit. Long
// prefixes come first: as they usually have the higher priority, they make the limit low for the rest.
func (ix *index[T]) first(q *rule.Request, p pathIndex, limit int) int {
	for i := p.longest(q.Path()); i >= 0; i = p[i].shorter {
		for _, rank := range p[i].ranks {
			if int(rank) >= limit {
				break
			}
			if ix.entries[rank].rule.Match(q) {
				limit = int(rank)
				break
			}
		}
	}
	return limit
}

// ranksByPrefix is what a pathIndex is made from: of each prefix the ranks of its entries.
type ranksByPrefix map[string][]int32

// at is the value of host, made if it is not there.
func at(byHost map[string]ranksByPrefix, host string) ranksByPrefix {
	if byHost[host] == nil {
		byHost[host] = ranksByPrefix{}
	}
	return byHost[host]
}

func indexPathsOf(byHost map[string]ranksByPrefix) map[string]pathIndex {
	m := make(map[string]pathIndex, len(byHost))
	for host, ranks := range byHost {
		m[host] = indexPaths(ranks)
	}
	return m
}
