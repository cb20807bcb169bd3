package configs

import (
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/internal/spelling"
)

// nearest is the option that an unknown path was meant for, written with the name that the
// path has where the option has a name; "" if none is alike.
func nearest(path string) string {
	path = strings.ToLower(path)
	var known []string
	for _, g := range table {
		for _, o := range g.options {
			k := named(o.path, path)
			if strings.HasSuffix(k, "."+path) {
				return k
			}
			known = append(known, k)
		}
	}
	return spelling.Nearest(path, known)
}

// named puts the name that path has into a pattern.
func named(pattern, path string) string {
	want, keys := strings.Split(pattern, "."), strings.Split(path, ".")
	if i := slices.Index(want, placeholder); i >= 0 && i < len(keys)-1 && keys[i] != "" {
		want[i] = keys[i]
	}
	return strings.Join(want, ".")
}
