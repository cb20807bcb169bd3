package labels

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// CookieName is the name that Traefik gives to a service's cookie where none is set (its
// pkg/server/cookie). provider is part of it: "swarm" or "file".
func CookieName(service, provider string) string {
	sum := sha1.Sum([]byte("_TRAEFIK_BACKEND_" + service + "@" + provider))
	return "_" + hex.EncodeToString(sum[:])[:5]
}

// cookieToken replaces what a cookie's name must not hold, as Traefik does.
func cookieToken(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("!#$%&'*+-.^`|~", r):
			return r
		}
		return '_'
	}, name)
}

// NameCookies gives a name to each cookie without one, and another name to a cookie that would
// overwrite that of an earlier service: same name, path and domain, under a host that both have.
// Services are sorted by name.
func NameCookies(services []discovery.Service, routers []discovery.Router, provider string) []discovery.Problem {
	var problems []discovery.Problem
	type place struct{ name, path, domain string }
	taken := map[place][]*discovery.Service{}
	var hosts map[string][]string // by service
	for i := range services {
		s := &services[i]
		if s.Sticky == nil {
			continue
		}
		if s.Sticky.Name == "" {
			s.Sticky.Name = CookieName(s.Name, provider)
			continue
		}
		if hosts == nil {
			hosts = hostsByService(routers)
		}
		at := place{s.Sticky.Name, s.Sticky.Path, strings.ToLower(s.Sticky.Domain)}
		for _, other := range taken[at] {
			if at.domain == "" && !meet(hosts[s.Name], hosts[other.Name]) {
				continue
			}
			sum := sha1.Sum([]byte(s.Name))
			s.Sticky.Name += "_" + hex.EncodeToString(sum[:])[:5]
			problems = append(problems, s.Origin.Problem("sticky.cookie.name",
				fmt.Sprintf("service %q uses the cookie %q on the same host: it is called %q here", other.Name, at.name, s.Sticky.Name),
				"give each service a cookie name of its own"))
			break
		}
		taken[at] = append(taken[at], s)
	}
	return problems
}

// hostsByService are the hosts under which each service is reached; anyHost where a rule does not
// say.
func hostsByService(routers []discovery.Router) map[string][]string {
	hosts := map[string][]string{}
	for _, r := range routers {
		hosts[r.Service] = append(hosts[r.Service], hostsOf(r.Rule)...)
	}
	return hosts
}

const anyHost = ""

// hostsOf picks the hosts out of a rule without understanding it, which is enough to know where two
// cookies can meet.
func hostsOf(rule string) []string {
	var hosts []string
	for _, part := range strings.Split(rule, "Host(")[1:] {
		host, _, ok := strings.Cut(part, ")")
		if !ok {
			continue
		}
		hosts = append(hosts, strings.ToLower(strings.Trim(host, "`\"' ")))
	}
	if len(hosts) == 0 {
		hosts = []string{anyHost}
	}
	return hosts
}

func meet(a, b []string) bool {
	for _, host := range a {
		if host == anyHost && len(b) > 0 || slices.Contains(b, host) || slices.Contains(b, anyHost) {
			return true
		}
	}
	return false
}
