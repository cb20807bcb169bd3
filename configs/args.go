package configs

import (
	"errors"
	"fmt"
	"strings"
)

// readFlags reads a command line: --a.b=value, --a.b value, and --a.b alone where the option
// is a boolean. One dash does as well as two. A list may be given in several flags.
func readFlags(args []string) ([]setting, error) {
	var settings []setting
	var errs []error
	lists := map[string]int{} // path of a list option -> its setting
	for i := 0; i < len(args); i++ {
		path, ok := strings.CutPrefix(args[i], "-")
		path = strings.TrimPrefix(path, "-")
		if !ok || path == "" || path[0] == '-' || path[0] == '=' {
			errs = append(errs, stray(args, i))
			continue
		}
		path, value, has := strings.Cut(path, "=")
		s := setting{path: path, value: value, origin: origin{medium: flags}}
		o, _, known := find(renamed(path))
		switch {
		case has:
		case known && o.value.bare:
			s.value = "true"
		case i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			i++
			s.value = args[i]
		case known:
			errs = append(errs, s.errorf("no value; write %s", o.value.accepts))
			continue
		default:
			s.value = "true"
		}
		key := strings.ToLower(path)
		if at, again := lists[key]; again {
			settings[at].value += "," + s.value
			continue
		}
		if known && o.value.list {
			lists[key] = len(settings)
		}
		settings = append(settings, s)
	}
	return settings, errors.Join(errs...)
}

// stray is the error for an argument that is no flag.
func stray(args []string, i int) error {
	if i > 0 && strings.HasPrefix(args[i-1], "-") && !strings.Contains(args[i-1], "=") {
		return fmt.Errorf("argument %q is not an option; write %s=%s", args[i], quoteOdd(args[i-1]), quoteOdd(args[i]))
	}
	return fmt.Errorf("argument %q is not an option; options begin with --", args[i])
}

const prefixEnv = "FAIRLEAD_"

// readEnviron reads FAIRLEAD_A_B=value. Names in a path cannot hold an underscore there.
func readEnviron(environ []string) []setting {
	var settings []setting
	for _, e := range environ {
		key, value, _ := strings.Cut(e, "=")
		if path, ok := strings.CutPrefix(key, prefixEnv); ok {
			path = strings.ReplaceAll(strings.ToLower(path), "_", ".")
			settings = append(settings, setting{path: path, value: value, origin: origin{medium: environment}})
		}
	}
	return settings
}
