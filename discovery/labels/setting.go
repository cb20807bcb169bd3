package labels

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/internal/spelling"
)

// A Setting is one key and its value: a label, or a leaf of a file.
type Setting struct {
	// Subject is who wrote it, as in a Problem.
	Subject string
	// Prefix as written, with its dot: "traefik." or "fairlead."; "" in a file.
	Prefix string
	// Path is the key behind the prefix, split at its dots: http, routers, web, rule. Its case does
	// not matter, save in the names of objects. An item of a list is written as in a label:
	// domains[0].
	Path  []string
	Value string
}

// Label is the whole key, as written.
func (s Setting) Label() string { return s.Prefix + strings.Join(s.Path, ".") }

func (s Setting) own() bool { return strings.EqualFold(s.Prefix, ownPrefix) }

// takes says whether a key of that place may be written here.
func (s Setting) takes(p Place) bool {
	switch p {
	case InLabels:
		return s.Prefix != ""
	case InFiles:
		return s.Prefix == ""
	case Own:
		return s.Prefix == "" || s.own()
	}
	return true
}

// reference is the name of an object without the suffix of the provider that this setting belongs
// to. Those of others stay.
func (s Setting) reference(name string) string {
	name = strings.TrimSpace(name)
	if s.Prefix == "" {
		return strings.TrimSuffix(name, "@file")
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, "@docker"), "@swarm")
}

const (
	ownPrefix     = "fairlead."
	traefikPrefix = "traefik."
)

// settings picks out of all labels those with one of our prefixes; fairlead's come last, so that
// they win. What Traefik would not read either (traefik.constraint-label) is left out.
func settings(subject string, labels map[string]string) []Setting {
	list := make([]Setting, 0, len(labels))
	for label, value := range labels {
		prefix, key, ok := cutPrefix(label)
		if !ok {
			continue
		}
		s := Setting{Subject: subject, Prefix: prefix, Path: strings.Split(key, "."), Value: value}
		if s.own() || meant(s.Path[0]) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Setting) int {
		if a.own() != b.own() {
			if b.own() {
				return -1
			}
			return 1
		}
		return cmp.Or(slices.Compare(a.Path, b.Path), cmp.Compare(a.Prefix, b.Prefix))
	})
	return list
}

// cutPrefix splits a label of ours behind its prefix.
func cutPrefix(label string) (prefix, key string, ok bool) {
	for _, known := range [...]string{traefikPrefix, ownPrefix} {
		if n := len(known); len(label) > n && strings.EqualFold(label[:n], known) {
			return label[:n], label[n:], true
		}
	}
	return "", "", false
}

// meant says whether a first word under traefik. is a key, or looks like one that was mistyped.
// Operators use other words for labels of their own (Traefik's constraints).
func meant(word string) bool {
	word = strings.ToLower(word)
	if grammar.fields[word] != nil {
		return true
	}
	for known := range grammar.fields {
		if spelling.Distance(word, known, near(known)+1) <= near(known) {
			return true
		}
	}
	return false
}
