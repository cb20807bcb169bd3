package configs

import (
	"slices"
	"strings"
)

// foreign is an option of Traefik's that Fairlead knows by name and does not have, with all
// below it. Those without which requests would be answered differently, or more be disclosed,
// are fatal; the others only warn, so that a command line written for Traefik starts.
type foreign struct {
	path  string
	fatal bool
	why   string
}

const noTLS = "TLS is not supported yet, and serving without it would be wrong; remove it, and keep what ends TLS now in front"

var foreigners = []foreign{
	{"certificatesresolvers", true, noTLS},
	{"acme", true, noTLS},
	{"entrypoints.<name>.http.tls", true, noTLS},
	{"entrypoints.<name>.http.redirections", true, "redirections of a whole entry point are not supported yet; remove it"},
	{"entrypoints.<name>.http.middlewares", true, "middlewares of a whole entry point are not supported yet; name them in each router's label"},
	{"entrypoints.<name>.http.encodequerysemicolons", true, "not supported yet; remove it"},
	{"entrypoints.<name>.http.sanitizepath", true, "not supported: dot segments are always resolved; remove it"},
	{"entrypoints.<name>.http.encodedcharacters", true, "not supported yet; remove it"},
	{"entrypoints.<name>.forwardedheaders.connection", true, "not supported yet; remove it"},
	{"entrypoints.<name>.proxyprotocol", true, "the PROXY protocol is not supported yet; switch it off here and where connections come from"},
	{"entrypoints.<name>.transport.keepalivemaxtime", false, "has no effect yet"},
	{"entrypoints.<name>.transport.keepalivemaxrequests", false, "has no effect yet"},
	{"entrypoints.<name>.http2", false, "has no effect: HTTP/2 is not supported yet"},
	{"entrypoints.<name>.http3", false, "has no effect: HTTP/3 is not supported yet"},
	{"entrypoints.<name>.udp", false, "has no effect: UDP is not supported yet"},
	{"entrypoints.<name>.reuseport", false, "has no effect yet"},
	{"entrypoints.<name>.allowacmebypass", false, "has no effect: TLS is not supported yet"},
	{"entrypoints.<name>.observability", false, "has no effect yet"},
	{"providers.swarm.constraints", true, "not supported yet, and without it other services would be served; remove it and label services with enable=true or false"},
	{"providers.swarm.tls", true, "TLS to the engine is not supported yet; use its socket or a socket proxy"},
	{"providers.swarm.username", true, "not supported yet; use the engine's socket or a socket proxy"},
	{"providers.swarm.password", true, "not supported yet; use the engine's socket or a socket proxy"},
	{"providers.swarm.usebindportip", false, "has no effect: tasks are reached on their networks"},
	{"providers.swarm.allowemptyservices", false, "has no effect: a service without a task is known and answers 503"},
	{"providers.swarm.httpclienttimeout", false, "has no effect: calls to the engine have their own bounds"},
	{"providers.providersthrottleduration", false, "has no effect: the cluster is listed at most each 200 ms"},
	{"providers.precedence", false, "has no effect: there is one provider"},
	{"providers.file.directory", true, "not supported yet; give one file with providers.file.filename"},
	{"providers.consul", true, noSource}, {"providers.consulcatalog", true, noSource}, {"providers.ecs", true, noSource},
	{"providers.etcd", true, noSource}, {"providers.http", true, noSource}, {"providers.knative", true, noSource},
	{"providers.kubernetescrd", true, noSource}, {"providers.kubernetesgateway", true, noSource},
	{"providers.kubernetesingress", true, noSource}, {"providers.kubernetesingressnginx", true, noSource},
	{"providers.nomad", true, noSource}, {"providers.plugin", true, noSource}, {"providers.redis", true, noSource},
	{"providers.rest", true, noSource}, {"providers.zookeeper", true, noSource},
	{"serverstransport.rootcas", true, "not supported yet; backends by https would not be verified as written; remove it"},
	{"serverstransport.spiffe", true, "not supported; remove it"},
	{"spiffe", true, "not supported; remove it"},
	{"tcpserverstransport", false, "has no effect: TCP routers are not supported yet"},
	{"experimental", true, "not supported; remove it"},
	{"core", true, "not supported: rules are written in Traefik's v3 language; remove it"},
	{"accesslog.fields", true, "not supported yet, and what it drops would be logged; remove it or switch the access log off"},
	{"accesslog.filters", false, "has no effect yet: every request is logged"},
	{"accesslog.bufferingsize", false, "has no effect: lines are always buffered, for a tenth of a second at most"},
	{"accesslog.addinternals", false, "has no effect"},
	{"log.filepath", false, "has no effect: the log goes to standard error"},
	{"log.maxsize", false, "has no effect"}, {"log.maxage", false, "has no effect"},
	{"log.maxbackups", false, "has no effect"}, {"log.compress", false, "has no effect"}, {"log.nocolor", false, "has no effect"},
	{"api", false, "has no effect: there is no API or dashboard yet"},
	{"ping.entrypoint", false, "has no effect: /ping is on the entry point admin alone"},
	{"ping.manualrouting", false, "has no effect: /ping is on the entry point admin alone"},
	{"ping.terminatingstatuscode", false, "has no effect: /ready answers 503 while the process leaves"},
	{"metrics.prometheus", false, "has no effect: /metrics is on the entry point admin alone, with labels and buckets of its own"},
	{"metrics.addinternals", false, "has no effect"}, {"metrics.otlp", false, noPush}, {"metrics.datadog", false, noPush},
	{"metrics.statsd", false, noPush}, {"metrics.influxdb", false, noPush}, {"metrics.influxdb2", false, noPush},
	{"tracing", false, "has no effect: tracing is not supported yet"},
	{"global", false, "has no effect: Fairlead calls nobody"},
	{"hostresolver", false, "has no effect"},
	{"ocsp", false, "has no effect: TLS is not supported yet"},
}

const (
	noSource = "not supported: routers and services come from a Swarm (providers.swarm) or a file (providers.file); remove it"
	noPush   = "has no effect: metrics are for Prometheus, at /metrics on the entry point admin"
)

// findForeign is the option of Traefik's that a path is, or is below.
func findForeign(path string) (foreign, bool) {
	keys := strings.Split(strings.ToLower(path), ".")
	i := slices.IndexFunc(foreigners, func(f foreign) bool { return begins(keys, strings.Split(f.path, ".")) })
	if i < 0 {
		return foreign{}, false
	}
	return foreigners[i], true
}

// renamed is the path of the option that a path stands for: Traefik's v2 names of the Swarm's
// options, and its name of the admin entry point.
func renamed(path string) string {
	lower := strings.ToLower(path)
	switch lower {
	case "providers.docker.swarmmode":
		return "providers.swarm"
	case "providers.docker.swarmmoderefreshseconds":
		return "providers.swarm.refreshseconds"
	}
	if rest, ok := cutKey(lower, "providers.docker"); ok {
		return "providers.swarm" + path[len(path)-len(rest):]
	}
	if rest, ok := cutKey(lower, "entrypoints.traefik"); ok {
		return "entrypoints." + admin + path[len(path)-len(rest):]
	}
	return path
}

// cutKey cuts whole keys from the front of a path; rest is empty or begins with a dot.
func cutKey(path, keys string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, keys)
	return rest, ok && (rest == "" || rest[0] == '.')
}
