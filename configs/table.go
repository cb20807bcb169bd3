package configs

import (
	"math"
	"net/netip"
	"time"
)

// A group is options that belong together in the help.
type group struct {
	title   string
	options []option
}

// slowest is the longest that the cluster may go unlooked at: a task that leaves has 2 to 3 s
// between the cluster's decision and its stop signal, and its drain must begin well before.
const slowest = 1500 * time.Millisecond

const (
	anyLong = time.Duration(math.MaxInt64)
	anyMany = math.MaxInt32
)

// table is every option, once. Names are Traefik's where Traefik has the option; defaults that
// differ from Traefik's say so.
var table = []group{
	{"Configuration file", []option{
		{"configfile", "", "A YAML file with the options below, their keys nested. None is looked for by itself.",
			to(text("path"), func(d *draft) *string { return &d.configFile })},
	}},
	{"Entry points", []option{
		{"entrypoints.<name>.address", "", "Address to listen on. Without any entry point there is one, web, at :80. " +
			"The entry point admin (traefik is the same) serves /ping, /ready and /metrics; it is always there, by default at 127.0.0.1:8080.",
			toEntry(address(), func(e *EntryPoint) *string { return &e.Address })},
		{"entrypoints.<name>.door", "", "Unix socket of a door, which listens on the address and hands over what it listens with: proxies of one node then share a port, and are replaced without a gap. " +
			"For `fairlead door`, which has the same options, where to serve it.",
			toEntry(path(), func(e *EntryPoint) *string { return &e.Door })},
		{"entrypoints.<name>.asdefault", "false", "Routers that name no entry point listen to those marked so; to all but admin if none is.",
			toEntry(boolean(), func(e *EntryPoint) *bool { return &e.AsDefault })},
		{"entrypoints.<name>.forwardedheaders.insecure", "false", "Believe X-Forwarded-* from everybody.",
			toEntry(boolean(), func(e *EntryPoint) *bool { return &e.ForwardedHeaders.Insecure })},
		{"entrypoints.<name>.forwardedheaders.trustedips", "", "Believe X-Forwarded-* from these addresses and networks.",
			toEntry(prefixes(), func(e *EntryPoint) *[]netip.Prefix { return &e.ForwardedHeaders.TrustedIPs })},
		{"entrypoints.<name>.http.maxheaderbytes", "1048576", "Longest head of a request, in bytes.",
			toEntry(number(1024, anyMany), func(e *EntryPoint) *int { return &e.MaxHeaderBytes })},
		{"entrypoints.<name>.http.maxheaders", "100", "Most fields in the head of a request; 431 beyond.",
			toEntry(number(10, anyMany), func(e *EntryPoint) *int { return &e.MaxHeaders })},
		{"entrypoints.<name>.http.upgrades", "websocket", "Protocols that a connection may change to when client and backend agree. Never h2c: it would hide requests from the rules.",
			toEntry(protocols(), func(e *EntryPoint) *[]string { return &e.Upgrades })},
		{"entrypoints.<name>.http.via", "", "This proxy's name in the field Via of requests, as RFC 9110 has it. Not set: no Via is added, as in Traefik; backends such as nginx do not compress answers to requests that have one.",
			toEntry(pseudonym(), func(e *EntryPoint) *string { return &e.Via })},
		{"entrypoints.<name>.transport.maxconnections", "32768", "Most connections from clients; an idle one takes about 8 KB. Beyond that, idle ones are closed, and new ones wait.",
			toEntry(number(1, anyMany), func(e *EntryPoint) *int { return &e.Limits.Connections })},
		{"entrypoints.<name>.transport.maxconnectionsperaddress", "4096", "Most connections from one address, or from one /64 in IPv6; beyond that they are closed at once; 0: no bound. " +
			"Private addresses and forwardedheaders.trustedips are not counted: behind a Swarm's mesh all the world has the address of a node.",
			toEntry(number(0, anyMany), func(e *EntryPoint) *int { return &e.Limits.PerAddress })},
		{"entrypoints.<name>.transport.headtimeout", "10s", "Longest time for the whole head of a request.",
			toEntry(duration(100*time.Millisecond, anyLong), func(e *EntryPoint) *time.Duration { return &e.Limits.HeadTime })},
		{"entrypoints.<name>.transport.silencetimeout", "60s", "How long a client may send nothing of a body, or take nothing of an answer; 0: no bound. Bodies take as long as they need while they move.",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Limits.Silence })},
		{"entrypoints.<name>.transport.tunnelidletimeout", "0s", "How long a connection that changed to another protocol, such as a WebSocket, may carry nothing; 0: no bound.",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Limits.TunnelIdle })},
		{"entrypoints.<name>.transport.lifecycle.requestacceptgracetimeout", "0s", "How long new connections are still accepted after the signal to stop. " +
			"A Swarm needs none: it announces the stop, and readiness goes off, 3 s before the signal. Give a load balancer of your own the time it takes to notice.",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Lifecycle.RequestAcceptGraceTimeout })},
		{"entrypoints.<name>.transport.lifecycle.gracetimeout", "10s", "How long requests may take to finish after that. Both together must be less than the service's stop_grace_period.",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Lifecycle.GraceTimeout })},
		{"entrypoints.<name>.transport.respondingtimeouts.readtimeout", "0s", "Longest time for a whole request with its body; 0: as long as it moves. (Traefik's 60s cuts slow uploads.)",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Timeouts.Read })},
		{"entrypoints.<name>.transport.respondingtimeouts.writetimeout", "0s", "Longest time for a whole answer; 0: no bound.",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Timeouts.Write })},
		{"entrypoints.<name>.transport.respondingtimeouts.idletimeout", "180s", "How long a connection is kept between two requests; 0: no bound.",
			toEntry(duration(0, anyLong), func(e *EntryPoint) *time.Duration { return &e.Timeouts.Idle })},
	}},
	{"Swarm", []option{
		{"providers.swarm", "true", "Read routers and services from the labels of a Swarm. On unless providers.file is given.",
			to(boolean(), func(d *draft) *bool { return &d.swarmOn })},
		{"providers.swarm.endpoint", "unix:///var/run/docker.sock", "Where the engine's API is. Without this option, DOCKER_HOST of the environment if it is set.",
			to(endpoint(), func(d *draft) *string { return &d.swarm.Endpoint })},
		{"providers.swarm.controlsocket", "", "Path of the manager's control socket, /var/run/docker/swarm/control.sock where it is mounted: changes are then pushed, in milliseconds, and nothing is polled. " +
			"Whoever can open it has the whole cluster, as root. Not set: not used.",
			to(text("path"), func(d *draft) *string { return &d.swarm.ControlSocket })},
		{"providers.swarm.exposedbydefault", "", "true: every service is routed unless a label enable=false says no; false: only those with enable=true. " +
			"Not set: those that have routing labels.",
			to(maybe(), func(d *draft) **bool { return &d.swarm.ExposedByDefault })},
		{"providers.swarm.network", "", "Name of the network on which tasks are reached, where no label names one.",
			to(text("name"), func(d *draft) *string { return &d.swarm.Network })},
		{"providers.swarm.defaultrule", "Host(`{{ normalize .Name }}`)", "Rule of routers that have none, a Go template as in Traefik.",
			to(text("template"), func(d *draft) *string { return &d.swarm.DefaultRule })},
		{"providers.swarm.interval", "1s", "How often the cluster is listed when nothing happens.",
			to(duration(100*time.Millisecond, slowest), func(d *draft) *time.Duration { return &d.swarm.Interval })},
		{"providers.swarm.updateinterval", "200ms", "How often while a service is being updated.",
			to(duration(50*time.Millisecond, slowest), func(d *draft) *time.Duration { return &d.swarm.UpdateInterval })},
		{"providers.swarm.refreshseconds", "", "Traefik's name for interval. More than 1.5s is read as 1.5s.",
			to(duration(100*time.Millisecond, anyLong), func(d *draft) *time.Duration { return &d.refresh })},
		{"providers.swarm.watch", "true", "Accepted for Traefik's sake; the cluster is always watched.",
			to(boolean(), func(d *draft) *bool { return &d.swarmWatch })},
	}},
	{"File", []option{
		{"providers.file.filename", "", "Read routers and services from this YAML file, in Traefik's format, instead of a Swarm.",
			to(text("path"), func(d *draft) *string { return &d.file.Filename })},
		{"providers.file.watch", "true", "Accepted for Traefik's sake; the file is always watched.",
			to(boolean(), func(d *draft) *bool { return &d.fileWatch })},
	}},
	{"Sessions and waiting", []option{
		{"sticky.keyfile", "", "File (a Docker secret) with the keys that sign session cookies, one a line: the first signs, all verify. " +
			"Without it the key follows from the cluster's id.",
			to(text("path"), func(d *draft) *string { return &d.Sticky.KeyFile })},
		{"hold.timeout", "10s", "How long a request waits for a service that has no ready backend at the moment.",
			to(duration(0, anyLong), func(d *draft) *time.Duration { return &d.Hold.Timeout })},
		{"hold.requests", "256", "How many requests may wait so for each service.",
			to(number(0, anyMany), func(d *draft) *int { return &d.Hold.Requests })},
	}},
	{"Connections to backends", []option{
		{"serverstransport.insecureskipverify", "false", "Do not verify the certificates of https backends.",
			to(boolean(), func(d *draft) *bool { return &d.ServersTransport.InsecureSkipVerify })},
		{"serverstransport.maxidleconnsperhost", "200", "How many unused connections are kept for each backend.",
			to(number(1, anyMany), func(d *draft) *int { return &d.ServersTransport.MaxIdleConnsPerHost })},
		{"serverstransport.forwardingtimeouts.dialtimeout", "3s", "Longest time for a connection to be made; another backend is tried after it. (Traefik's is 30s.)",
			to(duration(0, anyLong), func(d *draft) *time.Duration { return &d.ServersTransport.DialTimeout })},
		{"serverstransport.forwardingtimeouts.responseheadertimeout", "0s", "Longest time from the end of a request to the head of its answer; 0: no bound.",
			to(duration(0, anyLong), func(d *draft) *time.Duration { return &d.ServersTransport.ResponseHeaderTimeout })},
		{"serverstransport.forwardingtimeouts.idleconntimeout", "90s", "How long an unused connection is kept.",
			to(duration(0, anyLong), func(d *draft) *time.Duration { return &d.ServersTransport.IdleConnTimeout })},
	}},
	{"Logs and metrics", []option{
		{"log.level", "info", "What is logged: this and all that is worse. (Traefik's is error.)",
			to(oneOf("debug", "info", "warn", "error"), func(d *draft) *string { return &d.Log.Level })},
		{"log.format", "", "common is for people, json for machines. Not set: common on a terminal, else json.",
			to(oneOf("common", "json"), func(d *draft) *string { return &d.Log.Format })},
		{"accesslog", "false", "Write a line for each request. The options below switch it on too.",
			to(boolean(), func(d *draft) *bool { return &d.AccessLog.Enabled })},
		{"accesslog.format", "common", "Traefik's common log format, or JSON.",
			to(oneOf("common", "json"), func(d *draft) *string { return &d.AccessLog.Format })},
		{"accesslog.filepath", "", "File to append to; standard output if not set.",
			to(text("path"), func(d *draft) *string { return &d.AccessLog.FilePath })},
		{"ping", "true", "Accepted for Traefik's sake; /ping is always on, on the entry point admin.",
			to(boolean(), func(d *draft) *bool { return &d.ping })},
		{"metrics.prometheus", "true", "Accepted for Traefik's sake; /metrics is always on, on the entry point admin.",
			to(boolean(), func(d *draft) *bool { return &d.metrics })},
	}},
}
