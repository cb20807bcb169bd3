package rule

import (
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/internal/spelling"
)

// foreign are matchers of Traefik v2 and of its TCP routers, with what this language has for them.
var foreign = map[string]string{
	"headers":       "Traefik v3 writes Header(`X-Name`, `value`)",
	"headersregexp": "Traefik v3 writes HeaderRegexp(`X-Name`, `^val.*$`)",
	"hostheader":    "Traefik v3 writes Host(`example.com`)",
	"hostsni":       "HostSNI is for TCP routers; write Host(`example.com`)",
	"hostsniregexp": "HostSNIRegexp is for TCP routers; write HostRegexp(`^.+\\.example\\.com$`)",
	"alpn":          "ALPN is for TCP routers",
}

// cureForName says what to write instead of an unknown matcher.
func cureForName(name string) string {
	lower := strings.ToLower(name)
	if cure, ok := foreign[lower]; ok {
		return cure
	}
	names, lowered := make([]string, len(matchers)), make([]string, len(matchers))
	for i := range matchers {
		names[i], lowered[i] = matchers[i].name, strings.ToLower(matchers[i].name)
	}
	if near := spelling.Nearest(lower, lowered); near != "" {
		return "write " + names[slices.Index(lowered, near)]
	}
	return "the matchers are " + strings.Join(names, ", ")
}
