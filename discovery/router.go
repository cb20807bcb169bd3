package discovery

// A Router says which requests go to which service. Its meaning is Traefik's.
type Router struct {
	// Name is unique within the snapshot, without a provider suffix.
	Name string
	// Rule in Traefik's v3 rule language.
	Rule string
	// Priority among matching routers, higher first; 0 stands for the rule's length in bytes.
	Priority int
	// EntryPoints are the names of the entry points it listens to; empty: the default ones.
	EntryPoints []string
	// Service is the Name of a Service of the same snapshot.
	Service string
	// Middlewares by name, in the order in which a request meets them.
	Middlewares []string
	// TLS: the router takes requests that came over TLS only; without it, plain ones only.
	TLS bool
	// Origin is who wrote it, so that a Problem can say so.
	Origin Origin
}

// Origin is where something was written: enough to tell an operator what to edit.
type Origin struct {
	// Subject is the Swarm service's name ("shop_web"), or the file's path.
	Subject string
	// Prefix of the labels (or the path of keys in the file) that make up the object,
	// as written, without a trailing dot: "traefik.http.routers.web". "" if it is implicit.
	Prefix string
}

// Problem is the origin's problem with one field: wrong says what is wrong with it, cure
// what to do. field may be "" if the whole object is meant.
func (o Origin) Problem(field, wrong, cure string) Problem {
	label := o.Prefix
	if label != "" && field != "" {
		label += "." + field
	}
	return Problem{Subject: o.Subject, Label: label, Wrong: wrong, Cure: cure}
}
