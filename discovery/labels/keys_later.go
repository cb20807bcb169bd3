package labels

// laterKeys are Traefik's keys that are not supported yet: each says what is missing, and what that
// means for requests.
func laterKeys() []Key {
	routed := onRouter(func(*Router, string) *misfit { return nil })
	balanced := onBalancer(func(*Balancer, string) *misfit { return nil })
	stream := func(d *Definition, _ Setting, _ []string) *misfit {
		d.streams = true
		return nil
	}
	const (
		passes   = "leave its requests to Traefik until then"
		ignored  = "take it away, or know that it does nothing yet"
		undone   = "routers that name it cannot do what it says: keep them on Traefik until then"
		fileOnly = "list its backends under loadBalancer instead"
	)
	keys := []Key{
		{Pattern: "http.middlewares.*.**", object: 3, Doc: "this middleware", cure: undone},
		{Pattern: "http.routers.*.observability.**", object: 4, Doc: "observability of one router", cure: ignored, set: routed},
		{Pattern: balancerPath + "serverstransport", object: 5, Doc: "a transport of its own", cure: ignored, set: balanced},
		{Pattern: balancerPath + "passivehealthcheck.**", object: 5, Doc: "tuning the passive health check",
			cure: "take it away: a task whose dials fail is passed over anyway", set: balanced},
		{Pattern: balancerPath + "server.url", Place: InLabels, object: 6, Doc: "a URL in place of tasks", cure: "write server.port; tasks are addressed directly"},
		{Pattern: balancerPath + "server.preservepath", Place: InLabels, object: 6, Doc: "the path of a URL", cure: ignored, set: balanced},
		{Pattern: balancerPath + "servers[].preservepath", Place: InFiles, object: 6, Doc: "the path of a URL", cure: ignored, set: balanced},
		{Pattern: "http.services.*.middlewares", object: 4, Doc: "a service's list of middlewares", cure: "name them on its routers"},
		{Pattern: "http.services.*.weighted.**", object: 3, Doc: "a weighted service", cure: fileOnly},
		{Pattern: "http.services.*.mirroring.**", object: 3, Doc: "a mirroring service", cure: fileOnly},
		{Pattern: "http.services.*.failover.**", object: 3, Doc: "a failover service", cure: fileOnly},
		{Pattern: "http.services.*.highestrandomweight.**", object: 3, Doc: "a service of services", cure: fileOnly},
		{Pattern: "http.serverstransports.*.**", object: 3, Doc: "a transport", cure: ignored},
		{Pattern: "tcp.routers.*.**", object: 3, Doc: "a TCP router", cure: passes, set: stream},
		{Pattern: "tcp.services.*.**", object: 3, Doc: "a TCP service", cure: passes, set: stream},
		{Pattern: "tcp.middlewares.*.**", object: 3, Doc: "a TCP middleware", cure: passes},
		{Pattern: "tcp.serverstransports.*.**", object: 3, Doc: "a TCP transport", cure: ignored},
		{Pattern: "udp.routers.*.**", object: 3, Doc: "a UDP router", cure: passes, set: stream},
		{Pattern: "udp.services.*.**", object: 3, Doc: "a UDP service", cure: passes, set: stream},
		{Pattern: "tls.stores.*.**", object: 3, Doc: "a store of certificates", cure: ignored},
		{Pattern: "tls.options.*.**", Place: InFiles, object: 3, Doc: "a set of TLS options", cure: ignored},
		{Pattern: "tls.certificates[].**", Place: InFiles, object: 2, Doc: "a certificate in the file", cure: ignored},
	}
	for i := range keys {
		keys[i].Later = true
	}
	return keys
}
