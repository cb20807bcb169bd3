package configs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Load reads the options of a process: args are the flags that follow the command, environ
// is as os.Environ returns it, and either may name a YAML file. Flags win over the environment,
// that over the file, that over the defaults. The error joins all that is wrong, each with
// its option, its source and the cure.
func Load(args, environ []string) (*Config, error) {
	fromFlags, flagErr := readFlags(args)
	fromEnv := readEnviron(environ)
	d := newDraft(environ)
	errs := []error{flagErr}
	if name := configFile(fromFlags, fromEnv); name != "" {
		fromFile, err := readFile(name)
		errs = append(errs, err)
		for _, s := range fromFile {
			errs = append(errs, d.apply(s))
		}
	}
	for _, s := range slices.Concat(fromEnv, fromFlags) {
		errs = append(errs, d.apply(s))
	}
	errs = append(errs, d.settle())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &d.Config, nil
}

// configFile is the value of that option, which must be known before the others are read.
func configFile(fromFlags, fromEnv []setting) string {
	name := ""
	for _, s := range slices.Concat(fromEnv, fromFlags) {
		if strings.EqualFold(s.path, "configfile") {
			name = s.value
		}
	}
	return name
}

// A draft is a Config in the making.
type draft struct {
	Config
	environ []string
	given   map[string]bool // paths of options that somebody wrote, in lower case
	told    map[string]bool // foreign options that were spoken of
	entries map[string]*EntryPoint

	configFile    string
	swarm         Swarm
	file          File
	refresh       time.Duration
	swarmOn       bool
	docker        bool // Traefik's v2 names were used
	swarmMode     bool
	swarmWatch    bool
	fileWatch     bool
	ping, metrics bool
}

func newDraft(environ []string) *draft {
	d := &draft{environ: environ, given: map[string]bool{}, told: map[string]bool{}, entries: map[string]*EntryPoint{}}
	d.setDefaults("")
	d.ensure(admin)
	return d
}

// setDefaults sets all options that have a default: those of the entry point, or those
// that are of none.
func (d *draft) setDefaults(name string) {
	for _, g := range table {
		for _, o := range g.options {
			if o.def != "" && strings.Contains(o.path, placeholder) == (name != "") {
				if err := o.value.set(d, name, o.def); err != nil {
					panic(fmt.Sprintf("configs: default of %s: %v", o.path, err)) // the table itself is wrong
				}
			}
		}
	}
}

// entry is an entry point that ensure has made.
func (d *draft) entry(name string) *EntryPoint { return d.entries[strings.ToLower(name)] }

// ensure makes the entry point of a name, whose case does not matter.
func (d *draft) ensure(name string) *EntryPoint {
	e := d.entry(name)
	if e == nil {
		e = &EntryPoint{Name: name}
		d.entries[strings.ToLower(name)] = e
		d.setDefaults(name)
	}
	return e
}

// apply sets what a setting says. A later one wins.
func (d *draft) apply(s setting) error {
	path := renamed(s.path)
	o, name, ok := find(path)
	if f, is := findForeign(path); is && !ok {
		return d.applyForeign(s, f)
	}
	switch {
	case !ok || s.origin.medium == file && o.path == "configfile":
		return unknown(s)
	case s.list && !o.value.list:
		return s.errorf("a list is not accepted; write %s", o.value.accepts)
	}
	d.given[strings.ToLower(path)] = true
	if name != "" {
		e := d.ensure(name)
		if s.origin.medium != environment && e.Name != admin {
			e.Name = name // the environment knows no case
		}
	}
	d.noteDocker(s)
	if err := o.value.set(d, name, s.value); err != nil {
		return s.errorf("%w", err)
	}
	return nil
}

// noteDocker remembers that a setting uses Traefik's v2 name.
func (d *draft) noteDocker(s setting) {
	lower := strings.ToLower(s.path)
	if _, ok := cutKey(lower, "providers.docker"); ok {
		d.docker = true
		d.swarmMode = d.swarmMode || lower == "providers.docker.swarmmode"
	}
}

func (d *draft) applyForeign(s setting, f foreign) error {
	key := named(f.path, strings.ToLower(renamed(s.path)))
	if d.told[key] {
		return nil
	}
	d.told[key] = true
	if f.fatal {
		return s.errorf("%s", f.why)
	}
	d.warn("%s: %s", s, f.why)
	return nil
}

func (d *draft) warn(format string, a ...any) {
	d.Warnings = append(d.Warnings, fmt.Sprintf(format, a...))
}

func unknown(s setting) error {
	if n := nearest(s.path); n != "" {
		return s.errorf("unknown option; did you mean %s?", quoteOdd(s.origin.medium.spell(n)))
	}
	return s.errorf("unknown option; see fairlead --help")
}
