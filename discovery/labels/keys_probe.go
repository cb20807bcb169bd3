package labels

import (
	"strings"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// onProbe makes a setter of one that writes to a balancer's probe.
func onProbe(set func(p *discovery.Probe, value string) *misfit) setter {
	return onBalancer(func(b *Balancer, v string) *misfit {
		p := b.probe
		if p == nil {
			p = &discovery.Probe{
				Mode: "http", Method: "GET", Interval: probeInterval, Timeout: probeTimeout, FollowRedirects: true,
			}
		}
		bad := set(p, v)
		if bad == nil {
			b.probe = p
		}
		return bad
	})
}

func probeKeys() []Key {
	const h = balancerPath + "healthcheck."
	word := func(words ...string) func(string) (string, *misfit) {
		return func(v string) (string, *misfit) { return parseWord(v, words...) }
	}
	status := func(v string) (int, *misfit) { return parseInt(v, 100, 599) }
	header := func(d *Definition, s Setting, names []string) *misfit {
		return onProbe(func(p *discovery.Probe, v string) *misfit {
			if p.Headers == nil {
				p.Headers = map[string]string{}
			}
			p.Headers[names[1]] = v
			return nil
		})(d, s, names)
	}
	method := func(v string) (string, *misfit) {
		m := strings.ToUpper(strings.TrimSpace(v))
		if m == "" || m != cookieToken(m) {
			return "", unfit("write GET or HEAD", "%q is not a method", v)
		}
		return m, nil
	}
	type probe = discovery.Probe
	return []Key{
		{Pattern: h + "path", Doc: "the path that is probed; without it nothing is", set: onProbe(field(parsePath, func(p *probe) *string { return &p.Path }))},
		{Pattern: h + "mode", Doc: "http or grpc", set: onProbe(field(word("http", "grpc"), func(p *probe) *string { return &p.Mode }))},
		{Pattern: h + "scheme", Doc: "http or https, where the probe's differs", set: onProbe(field(word("http", "https"), func(p *probe) *string { return &p.Scheme }))},
		{Pattern: h + "hostname", Doc: "the probe's Host", set: onProbe(field(parseText, func(p *probe) *string { return &p.Hostname }))},
		{Pattern: h + "port", Doc: "the probe's port, where it differs", set: onProbe(field(parsePort, func(p *probe) *int { return &p.Port }))},
		{Pattern: h + "method", Doc: "the probe's method", set: onProbe(field(method, func(p *probe) *string { return &p.Method }))},
		{Pattern: h + "status", Doc: "the status that means healthy, where not any 2xx or 3xx", set: onProbe(field(status, func(p *probe) *int { return &p.Status }))},
		{Pattern: h + "interval", Doc: "the time between probes", set: onProbe(field(parsePeriod, func(p *probe) *duration { return &p.Interval }))},
		{Pattern: h + "unhealthyinterval", Doc: "the time between probes of an unhealthy task", set: onProbe(field(parsePeriod, func(p *probe) *duration { return &p.UnhealthyInterval }))},
		{Pattern: h + "timeout", Doc: "how long a probe may take", set: onProbe(field(parsePeriod, func(p *probe) *duration { return &p.Timeout }))},
		{Pattern: h + "followredirects", Doc: "whether probes follow redirects", set: onProbe(field(parseBool, func(p *probe) *bool { return &p.FollowRedirects }))},
		{Pattern: h + "headers.*", Doc: "a header of the probe", set: header},
	}
}
