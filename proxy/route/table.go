package route

import (
	"maps"
	"net/http"
	"slices"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/forward"
	"github.com/fairlead-proxy/fairlead/proxy/rule"
)

// A Table is everything needed to route a request. Compile builds it aside; it is never
// changed, and it is swapped whole.
type Table struct {
	// Backends are the pools of the table's services.
	Backends *balancer.Set

	services map[string]*forward.Service
	routing  *routing
}

// routing is what became of the routers. Tables share it as long as the routers stay.
type routing struct {
	routers     []discovery.Router
	problems    []discovery.Problem
	entryPoints map[string]*index[*Route]
}

// A Route is what a router became: what matched requests meet.
type Route struct {
	Router  string
	Handler http.Handler
}

// Match is the route of a request that came to the entry point, nil if no router takes it.
func (t *Table) Match(entryPoint string, r *http.Request) *Route {
	ix := t.routing.entryPoints[entryPoint]
	if ix == nil {
		return nil
	}
	q := rule.NewRequest(r)
	route, _ := ix.match(&q)
	return route
}

// Service is the service of the name, nil if the table has none.
func (t *Table) Service(name string) *forward.Service { return t.services[name] }

// ServiceNames are the names of the table's services, in no particular order.
func (t *Table) ServiceNames() []string { return slices.Collect(maps.Keys(t.services)) }
