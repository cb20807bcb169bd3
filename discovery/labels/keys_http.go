package labels

import (
	"math"
	"strings"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// serviceWideKeys are about a Swarm service as a whole.
func serviceWideKeys() []Key {
	enable := func(d *Definition, s Setting, _ []string) *misfit {
		on, bad := parseBool(s.Value)
		if bad != nil {
			bad.cure += "; until then the service is not routed"
		}
		d.Enable = &on // false if bad: who cannot say yes may have meant no
		return bad
	}
	network := func(d *Definition, s Setting, _ []string) *misfit {
		name := strings.TrimSpace(s.Value)
		if name == "" {
			return unfit("write the name of a network", "it is empty")
		}
		d.network, d.networkBy = name, s
		return nil
	}
	direct := func(_ *Definition, s Setting, _ []string) *misfit {
		on, bad := parseBool(s.Value)
		if on {
			return unfit("take it away", "it is not supported: tasks are addressed directly, never by the virtual IP")
		}
		return bad
	}
	return []Key{
		{Pattern: "enable", Place: InLabels, Doc: "whether the service is routed", set: enable},
		{Pattern: "docker.network", Place: InLabels, Doc: "the network on which tasks are reached (older spelling)", set: network},
		{Pattern: "swarm.network", Place: InLabels, Doc: "the network on which tasks are reached", set: network},
		{Pattern: "docker.lbswarm", Place: InLabels, Doc: "Swarm's virtual IP in place of tasks: never", set: direct},
		{Pattern: "swarm.lbswarm", Place: InLabels, Doc: "Swarm's virtual IP in place of tasks: never", set: direct},
	}
}

func routerKeys() []Key {
	const r = "http.routers.*."
	asTLS := onRouter(func(r *Router, _ string) *misfit {
		r.TLS = !r.plain
		return nil
	})
	return []Key{
		{Pattern: r + "rule", Doc: "which requests it takes", set: onRouter(func(r *Router, v string) *misfit {
			r.Rule = strings.TrimSpace(v)
			return nil
		})},
		{Pattern: r + "priority", Doc: "higher goes first; 0 is the rule's length", set: onRouter(field(
			func(v string) (int, *misfit) { return parseInt(v, math.MinInt, math.MaxInt) },
			func(r *Router) *int { return &r.Priority }))},
		{Pattern: r + "service", Doc: "the service that answers", set: onRouterBy(func(r *Router, s Setting) {
			r.Service = s.reference(s.Value)
		})},
		{Pattern: r + "entrypoints", Doc: "the entry points it listens to", set: onRouter(func(r *Router, v string) *misfit {
			r.EntryPoints = parseList(v)
			return nil
		})},
		{Pattern: r + "middlewares", Doc: "what requests meet on their way, in order", set: onRouterBy(func(r *Router, s Setting) {
			r.Middlewares = parseList(s.Value)
			for i, name := range r.Middlewares {
				r.Middlewares[i] = s.reference(name)
			}
		})},
		{Pattern: r + "tls", Doc: "whether it takes requests that came over TLS, or plain ones", set: onRouter(func(r *Router, v string) *misfit {
			on, bad := parseBool(v)
			if bad == nil {
				r.TLS, r.plain = on, !on
			}
			return bad
		})},
		{Pattern: r + "tls.certresolver", Doc: "who obtains its certificate", set: asTLS},
		{Pattern: r + "tls.options", Doc: "the TLS options' name", set: asTLS},
		{Pattern: r + "tls.domains[].main", Doc: "a certificate's main name", set: asTLS},
		{Pattern: r + "tls.domains[].sans", Doc: "a certificate's other names", set: asTLS},
		{Pattern: r + "rulesyntax", Doc: "the language of its rule: v3", set: onRouter(func(_ *Router, v string) *misfit {
			version, bad := parseWord(v, "v2", "v3")
			if version == "v2" {
				return unfit("write the rule in v3's language and take this label away",
					"rules of v2 are not supported yet: the rule is read as v3")
			}
			return bad
		})},
	}
}

// onRouterBy is onRouter for values that depend on where they were written.
func onRouterBy(set func(r *Router, s Setting)) setter {
	return func(d *Definition, s Setting, names []string) *misfit {
		return onRouter(func(r *Router, _ string) *misfit {
			set(r, s)
			return nil
		})(d, s, names)
	}
}

const balancerPath = "http.services.*.loadbalancer."

func balancerKeys() []Key {
	const b = balancerPath
	return []Key{
		{Pattern: b + "server.port", Place: InLabels, Doc: "the port that tasks listen on", set: onBalancer(field(parsePort,
			func(b *Balancer) *int { return &b.Port }))},
		{Pattern: b + "server.scheme", Place: InLabels, Doc: "http, https or h2c", set: onBalancer(field(
			func(v string) (string, *misfit) { return parseWord(v, "http", "https", "h2c") },
			func(b *Balancer) *string { return &b.Scheme }))},
		{Pattern: b + "server.weight", Place: InLabels, Doc: "each task's share of requests; 0 is none", set: onBalancer(field(parseCount,
			func(b *Balancer) *int { return &b.Weight }))},
		{Pattern: b + "servers[].url", Place: InFiles, Doc: "where a backend answers", set: onBackend(func(e *Backend, v string) *misfit {
			e.URL = strings.TrimSpace(v)
			return nil
		})},
		{Pattern: b + "servers[].weight", Place: InFiles, Doc: "a backend's share of requests; 0 is none", set: onBackend(field(parseCount,
			func(e *Backend) *int { return &e.Weight }))},
		{Pattern: b + "passhostheader", Doc: "whether the client's Host is sent on", set: onBalancer(field(parseBool,
			func(b *Balancer) *bool { return &b.PassHostHeader }))},
		{Pattern: b + "strategy", Doc: "wrr, p2c, leasttime or hrw", set: onBalancer(func(b *Balancer, v string) *misfit {
			word, bad := parseWord(v, "wrr", "p2c", "leasttime", "hrw")
			if bad == nil {
				b.Strategy = discovery.Strategy(word)
			}
			return bad
		})},
		{Pattern: b + "responseforwarding.flushinterval", Doc: "accepted, and needs nothing: whenever a backend pauses, what has come is sent on at once",
			set: onBalancer(checked(parseDuration))},
		{Pattern: b + "slowstart", Place: Own, Doc: "how long a new task's share grows to its whole",
			set: onBalancer(field(parseSpan, func(b *Balancer) *duration { return &b.SlowStart }))},
	}
}

// onBackend makes a setter of one that writes to an entry of a file's list.
func onBackend(set func(e *Backend, value string) *misfit) setter {
	return func(d *Definition, s Setting, names []string) *misfit {
		item := s.Path[len(s.Path)-2]
		return onBalancer(func(b *Balancer, value string) *misfit {
			for _, e := range b.Backends {
				if e.item == item {
					return set(e, value)
				}
			}
			e := &Backend{Weight: 1, Origin: origin(s, len(s.Path)-1), item: item}
			b.Backends = append(b.Backends, e)
			return set(e, value)
		})(d, s, names)
	}
}

func cookieKeys() []Key {
	const c = balancerPath + "sticky"
	on := onBalancer(func(b *Balancer, v string) *misfit {
		stuck, bad := parseBool(v)
		if bad == nil {
			b.stuck = &stuck
		}
		return bad
	})
	attribute := func(set func(c *discovery.Cookie, value string) *misfit) setter {
		return onBalancer(func(b *Balancer, v string) *misfit {
			bad := set(&b.cookie, v)
			b.asked = b.asked || bad == nil
			return bad
		})
	}
	return []Key{
		{Pattern: c, Doc: "whether sessions stay on their task", set: on},
		{Pattern: c + ".cookie", Doc: "whether a cookie keeps sessions on their task", set: on},
		{Pattern: c + ".cookie.name", Doc: "the cookie's name", set: attribute(func(c *discovery.Cookie, v string) *misfit {
			c.Name = cookieToken(strings.TrimSpace(v))
			return nil
		})},
		{Pattern: c + ".cookie.secure", Doc: "over TLS only", set: attribute(field(parseBool,
			func(c *discovery.Cookie) *bool { return &c.Secure }))},
		{Pattern: c + ".cookie.httponly", Doc: "hidden from scripts", set: attribute(field(parseBool,
			func(c *discovery.Cookie) *bool { return &c.HTTPOnly }))},
		{Pattern: c + ".cookie.samesite", Doc: "none, lax or strict", set: attribute(field(
			func(v string) (string, *misfit) { return parseWord(v, "none", "lax", "strict") },
			func(c *discovery.Cookie) *string { return &c.SameSite }))},
		{Pattern: c + ".cookie.maxage", Doc: "seconds; 0: until the browser ends, negative: expires at once", set: attribute(field(
			func(v string) (int, *misfit) { return parseInt(v, math.MinInt, math.MaxInt) },
			func(c *discovery.Cookie) *int { return &c.MaxAge }))},
		{Pattern: c + ".cookie.path", Doc: "where the browser sends it", set: attribute(field(parsePath,
			func(c *discovery.Cookie) *string { return &c.Path }))},
		{Pattern: c + ".cookie.ondrain", Place: Own, Doc: "move or stay: what its sessions do while their task drains", set: attribute(field(
			func(v string) (discovery.OnDrain, *misfit) {
				word, bad := parseWord(v, "move", string(discovery.Stay))
				if word == "move" {
					return discovery.Move, bad
				}
				return discovery.OnDrain(word), bad
			},
			func(c *discovery.Cookie) *discovery.OnDrain { return &c.OnDrain }))},
		{Pattern: c + ".cookie.domain", Doc: "the hosts to which the browser sends it", set: attribute(field(parseText,
			func(c *discovery.Cookie) *string { return &c.Domain }))},
	}
}
