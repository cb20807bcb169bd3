package configs

import (
	"fmt"
	"slices"
	"strings"
)

// An option is one thing that can be set. The same table of them parses, helps and suggests.
type option struct {
	path  string // keys joined by dots, in lower case; <name> stands for any name
	def   string // the default as a flag would say it; "" is the zero value
	help  string
	value value
}

// A value is a kind without its type, tied to the field that it sets.
type value struct {
	name, accepts string
	bare, list    bool
	set           func(d *draft, name, s string) error
}

// to ties a kind to the field of a draft that at points to.
func to[T any](k kind[T], at func(d *draft) *T) value {
	return toNamed(k, func(d *draft, _ string) *T { return at(d) })
}

// toEntry ties a kind to a field of the entry point that the option's path names.
func toEntry[T any](k kind[T], at func(e *EntryPoint) *T) value {
	return toNamed(k, func(d *draft, name string) *T { return at(d.entry(name)) })
}

func toNamed[T any](k kind[T], at func(d *draft, name string) *T) value {
	return value{name: k.name, accepts: k.accepts, bare: k.bare, list: k.list, set: func(d *draft, name, s string) error {
		v, err := k.parse(s)
		if err != nil {
			return fmt.Errorf("%q is not accepted; write %s", s, k.accepts)
		}
		*at(d, name) = v
		return nil
	}}
}

const placeholder = "<name>"

// find is the option at a path, and the name in it.
func find(path string) (o option, name string, ok bool) {
	keys := strings.Split(strings.ToLower(path), ".")
	for _, g := range table {
		for _, o := range g.options {
			pattern := strings.Split(o.path, ".")
			if len(pattern) != len(keys) || !begins(keys, pattern) {
				continue
			}
			if i := slices.Index(pattern, placeholder); i >= 0 {
				name = strings.Split(path, ".")[i]
			}
			return o, name, true
		}
	}
	return option{}, "", false
}

// begins tells whether the first keys are those of the pattern.
func begins(keys, pattern []string) bool {
	if len(keys) < len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != keys[i] && (p != placeholder || keys[i] == "") {
			return false
		}
	}
	return true
}
