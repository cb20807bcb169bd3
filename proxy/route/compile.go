package route

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/internal/spelling"
	"github.com/fairlead-proxy/fairlead/proxy/forward"
	"github.com/fairlead-proxy/fairlead/proxy/rule"
	"github.com/fairlead-proxy/fairlead/sticky"
)

// Options are what a table needs besides a snapshot. They are the same for all tables of a
// process.
type Options struct {
	// EntryPoints are the names of all that there are, Default those of routers that name none.
	EntryPoints, Default []string
	// Keys are what signs the session cookies of the cluster of that id.
	Keys func(cluster string) sticky.Keys
	// Balancer says how backends are made.
	Balancer balancer.Options
	// Forward is the handler that sends requests to the service of the name; nil: the table is
	// not for requests.
	Forward func(service string) http.Handler
	// Observer counts the requests of the service of the name; nil likewise.
	Observer func(service string) forward.Observer
}

// Compile builds the table of a snapshot. What the snapshot has in common with the previous
// table keeps its state: backends their load, health and drain, seats their sessions. Whatever
// cannot work becomes a problem and costs only the router that has it: one that could
// otherwise do harm, say for want of a middleware that guards it, answers 503 rather than
// leave its requests to another. previous may be nil.
//
// Nothing that requests use changes before the caller has stored the table and called
// Backends.Adopt.
func Compile(s discovery.Snapshot, previous *Table, o Options) (*Table, []discovery.Problem) {
	var before *balancer.Set
	if previous != nil {
		before = previous.Backends
	}
	t := &Table{
		Backends: balancer.Build(s, before, o.Balancer),
		services: make(map[string]*forward.Service, len(s.Services)),
	}
	keys := o.Keys(s.Cluster)
	for i := range s.Services {
		t.services[s.Services[i].Name] = service(&s.Services[i], t.Backends, keys, o)
	}
	if previous != nil && sameRouters(previous, t, s.Routers) {
		t.routing = previous.routing
	} else {
		t.routing = compileRouters(s.Routers, t.services, o)
	}
	return t, discovery.SortProblems(slices.Concat(s.Problems, t.routing.problems))
}

// sameRouters tells whether nothing that routing depends on has changed: tasks come and go far
// more often than routers.
func sameRouters(previous, next *Table, routers []discovery.Router) bool {
	return maps.EqualFunc(previous.services, next.services, func(a, b *forward.Service) bool { return true }) &&
		reflect.DeepEqual(previous.routing.routers, routers)
}

func service(s *discovery.Service, set *balancer.Set, keys sticky.Keys, o Options) *forward.Service {
	f := &forward.Service{Name: s.Name, Pool: set.Pool(s.Name), PassHostHeader: s.PassHostHeader}
	if s.Sticky != nil {
		f.Cookie = sticky.New(*s.Sticky, keys, s.Name)
	}
	if o.Observer != nil {
		f.Observer = o.Observer(s.Name)
	}
	return f
}

// compileRouters makes the part of a table that depends on the routers, and on which services
// there are.
func compileRouters(routers []discovery.Router, services map[string]*forward.Service, o Options) *routing {
	c := compiler{opt: o, services: services, entries: make(map[string][]entry[*Route], len(o.EntryPoints))}
	for i := range routers {
		c.router(&routers[i])
	}
	r := &routing{routers: routers, problems: c.problems, entryPoints: make(map[string]*index[*Route], len(c.entries))}
	for name, entries := range c.entries {
		r.entryPoints[name] = newIndex(entries)
	}
	return r
}

type compiler struct {
	opt      Options
	services map[string]*forward.Service
	entries  map[string][]entry[*Route]
	problems []discovery.Problem
}

func (c *compiler) router(r *discovery.Router) {
	parsed, err := rule.Parse(r.Rule)
	if err != nil {
		c.doubt(r, err, "the router is left out until then")
		return
	}
	for _, d := range parsed.Doubts() {
		c.doubt(r, d, "until then it never matches")
	}
	if r.TLS {
		c.problem(r, "tls", "TLS is not supported yet", "terminate TLS in front of Fairlead and drop the tls labels; until then the router is left out")
		return
	}
	route := &Route{Router: r.Name, Handler: c.handler(r)}
	for _, name := range c.entryPointsOf(r) {
		c.entries[name] = append(c.entries[name], entry[*Route]{name: r.Name, rule: parsed, priority: r.Priority, payload: route})
	}
}

// handler is what the router's requests meet: its middlewares, then its service.
func (c *compiler) handler(r *discovery.Router) http.Handler {
	if len(r.Middlewares) > 0 {
		c.problem(r, "middlewares", fmt.Sprintf("middleware %s cannot be had: middlewares are not supported yet", strings.Join(r.Middlewares, ", ")),
			"remove it, if the service is safe without it; until then the router answers 503")
		return refusing(fmt.Errorf("%w: router %s wants middlewares", forward.ErrRouter, r.Name))
	}
	if strings.Contains(r.Service, "@") {
		c.problem(r, "service", fmt.Sprintf("service %s belongs to a provider that is not supported yet", r.Service),
			"name a service of this cluster; until then the router answers 503")
		return refusing(fmt.Errorf("%w: router %s wants service %s", forward.ErrRouter, r.Name, r.Service))
	}
	if c.services[r.Service] == nil {
		c.problem(r, "service", fmt.Sprintf("service %q does not exist", r.Service), c.nearestService(r.Service)+"; until then the router answers 503")
		return refusing(fmt.Errorf("%w: router %s wants service %s", forward.ErrRouter, r.Name, r.Service))
	}
	if c.opt.Forward == nil {
		return http.NotFoundHandler()
	}
	return c.opt.Forward(r.Service)
}

// entryPointsOf are the entry points that the router listens to, of those that there are.
func (c *compiler) entryPointsOf(r *discovery.Router) []string {
	if len(r.EntryPoints) == 0 {
		return c.opt.Default
	}
	var known []string
	for _, name := range r.EntryPoints {
		switch {
		case !slices.Contains(c.opt.EntryPoints, name):
			c.problem(r, "entrypoints", fmt.Sprintf("entry point %q does not exist", name),
				"use one of "+strings.Join(c.opt.EntryPoints, ", ")+fmt.Sprintf(", or define it with --entrypoints.%s.address", name))
		case !slices.Contains(known, name):
			known = append(known, name)
		}
	}
	return known
}

func (c *compiler) nearestService(wanted string) string {
	names := slices.Sorted(maps.Keys(c.services))
	if near := spelling.Nearest(wanted, names); near != "" {
		return fmt.Sprintf("did you mean %q", near)
	}
	return "define it with http.services." + wanted + " labels"
}

// doubt is the problem of a rule that has a fault.
func (c *compiler) doubt(r *discovery.Router, err error, meanwhile string) {
	var e *rule.SyntaxError
	if !errors.As(err, &e) {
		c.problem(r, "rule", err.Error(), meanwhile)
		return
	}
	fault := *e
	fault.Cure = ""
	c.problem(r, "rule", fmt.Sprintf("%s, in %s", fault.Error(), r.Rule), strings.TrimPrefix(e.Cure+"; "+meanwhile, "; "))
}

func (c *compiler) problem(r *discovery.Router, field, wrong, cure string) {
	c.problems = append(c.problems, r.Origin.Problem(field, wrong, cure))
}

func refusing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward.Refuse(w, forward.RecordOf(r), err)
	})
}
