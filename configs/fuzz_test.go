package configs

import (
	"slices"
	"strings"
	"testing"
)

// accounted fails if a setting's option is neither known nor spoken of.
func accounted(t *testing.T, s setting, c *Config, err error) {
	t.Helper()
	path := renamed(s.path)
	_, _, known := find(path)
	f, isForeign := findForeign(path)
	switch {
	case known:
	case isForeign && !f.fatal:
		if err == nil && !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, f.why) }) {
			t.Errorf("%s has no effect and nothing says so", s)
		}
	case err == nil:
		t.Errorf("%s is unknown and was accepted", s)
	}
}

func FuzzFlagsAndEnvironment(f *testing.F) {
	f.Add("--entrypoints.web.address\n:80\n--accesslog", "FAIRLEAD_HOLD_TIMEOUT=5s")
	f.Add("--api.dashboard\n--hodl=1", "FAIRLEAD_X=")
	f.Add("-providers.docker.swarmmode\n--providers.docker.tls.ca=x", "DOCKER_HOST=ssh://x")
	f.Fuzz(func(t *testing.T, line, environ string) {
		if strings.Contains(strings.ToLower(line+environ), "configfile") {
			t.Skip("would read files")
		}
		args, env := strings.Split(line, "\n"), strings.Split(environ, "\n")
		c, err := Load(args, env)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v, error %v", c, err)
		}
		fromFlags, _ := readFlags(args)
		for _, s := range slices.Concat(fromFlags, readEnviron(env)) {
			accounted(t, s, c, err)
		}
		if err == nil {
			complete(t, c)
		} else if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
			t.Errorf("control characters in %q", err)
		}
	})
}

func FuzzYAML(f *testing.F) {
	f.Add(everyYAML)
	f.Add("accessLog: {}\napi:\nproviders: {docker: {swarmMode: true}}")
	f.Add("a: &a [*a]\nb: !!binary x\n? [c]\n: d")
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := readYAML("f.yml", []byte(text))
		d := newDraft(nil)
		errs := []error{err}
		for _, s := range settings {
			e := d.apply(s)
			if err := e; err == nil {
				accounted(t, s, &d.Config, nil)
			}
			errs = append(errs, e)
		}
		errs = append(errs, d.settle())
		if !slices.ContainsFunc(errs, func(e error) bool { return e != nil }) {
			complete(t, &d.Config)
		}
	})
}

// complete fails if a Config leaves something to its reader.
func complete(t *testing.T, c *Config) {
	t.Helper()
	if len(c.EntryPoints) == 0 || c.Admin.Address == "" || (c.Swarm == nil) == (c.File == nil) {
		t.Errorf("incomplete: %+v", c)
	}
	for _, e := range c.EntryPoints {
		if e.Address == "" || e.MaxHeaderBytes == 0 || e.Name == "" {
			t.Errorf("incomplete: %+v", e)
		}
	}
}
