package configs

import (
	"fmt"
	"strings"
)

// A setting is an option as somebody wrote it.
type setting struct {
	path   string // keys joined by dots, names in the case they were written in
	value  string
	list   bool // written as a YAML sequence
	origin origin
}

// An origin is where a setting was written.
type origin struct {
	medium medium
	place  string // file:line
}

type medium int

const (
	flags medium = iota
	environment
	file
)

// spell is how a path is written in a medium.
func (m medium) spell(path string) string {
	switch m {
	case flags:
		return "--" + path
	case environment:
		return prefixEnv + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
	}
	return path
}

// errorf is an error about the setting: it names the option as written and the place.
func (s setting) errorf(format string, a ...any) error {
	return fmt.Errorf("%s: %w", s, fmt.Errorf(format, a...))
}

// String is the setting's name and place for people, without its value.
func (s setting) String() string {
	spelled := s.origin.medium.spell(s.path)
	switch s.origin.medium {
	case flags:
		return "flag " + quoteOdd(spelled)
	case environment:
		return "environment variable " + quoteOdd(spelled)
	}
	if spelled == "" {
		return s.origin.place // the file as a whole
	}
	return s.origin.place + ": " + quoteOdd(spelled)
}

// quoteOdd quotes what would not show as it is in a log or on a terminal.
func quoteOdd(s string) string {
	if q := fmt.Sprintf("%q", s); q != `"`+s+`"` {
		return q
	}
	return s
}
