package labels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A Definition is what one set of settings defines: a Swarm service's labels, or a whole file.
type Definition struct {
	// Enable is nil unless it was set.
	Enable *bool
	// Routers and Balancers are sorted by name. A router's rule or service is empty unless set.
	Routers   []*Router
	Balancers []*Balancer
	Problems  []discovery.Problem

	network   string
	networkBy Setting
	streams   bool                 // TCP or UDP objects are defined
	routers   map[string]*Router   // by name in lower case, as Traefik's keys are
	balancers map[string]*Balancer // likewise
	vague     map[string]*Balancer // those of which no setting can be used
	later     map[string]bool      // objects that were reported as not supported yet
}

// A Router as it was written.
type Router struct {
	discovery.Router
	plain bool // tls=false was set
}

// A Balancer is a service as it was written, with what its tasks take from it.
type Balancer struct {
	// Service has no tasks. Its cookie's name may be empty.
	discovery.Service
	Port   int    // 0 unless set
	Scheme string // "http" unless set
	Weight int
	Probe  *discovery.Probe
	// Backends are those that a file lists.
	Backends []*Backend

	cookie discovery.Cookie
	probe  *discovery.Probe
	stuck  *bool // sticky, or sticky.cookie, as set
	asked  bool  // a key of the cookie was set
}

// A Backend is an entry of a file's list of servers.
type Backend struct {
	URL    string
	Weight int
	Origin discovery.Origin
	item   string
}

// suggested is up to how many problems of one set a known key is looked for in place of an unknown
// one, which takes much longer than all else. Nobody reads further.
const suggested = 100

// Traefik's defaults.
const (
	probeInterval = 30 * time.Second
	probeTimeout  = 5 * time.Second
)

// Decode reads settings in their order: of two that set the same, the last wins. A setting that
// cannot be used costs itself alone and leaves a Problem.
func Decode(list []Setting) *Definition {
	d := &Definition{routers: map[string]*Router{}, balancers: map[string]*Balancer{}}
	for _, s := range list {
		d.decode(s)
	}
	for _, b := range d.Balancers {
		d.finish(b)
	}
	slices.SortFunc(d.Routers, func(a, b *Router) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(d.Balancers, func(a, b *Balancer) int { return cmp.Compare(a.Name, b.Name) })
	return d
}

func (d *Definition) decode(s Setting) {
	key, names := grammar.find(s.Path)
	if key == nil || !s.takes(key.Place) {
		d.unknown(s, key)
		return
	}
	for _, name := range names {
		if strings.Contains(name, "@") {
			d.problem(s, fmt.Sprintf("the name %q has an @ in it, which only references may have", name), "choose a name without it")
			return
		}
	}
	if key.set != nil {
		if bad := key.set(d, s, names); bad != nil {
			d.problem(s, bad.wrong, bad.cure)
			return
		}
	}
	if key.Later {
		d.notYet(s, key)
	}
}

func (d *Definition) problem(s Setting, wrong, cure string) {
	d.Problems = append(d.Problems, discovery.Problem{Subject: s.Subject, Label: s.Label(), Wrong: wrong, Cure: cure})
}

// unknown reports a key that is not in the table, or has its place elsewhere.
func (d *Definition) unknown(s Setting, key *Key) {
	switch {
	case key != nil && key.Place == Own:
		d.problem(s, "Traefik has no such key", "write it as "+ownPrefix+strings.Join(s.Path, "."))
	case key != nil && key.Place == InFiles:
		d.problem(s, "this key belongs in a file: tasks are addressed by what the cluster says of them", "take it away")
	case key != nil:
		d.problem(s, "this key belongs in labels", "take it away")
	default:
		cure := "take it away, or see the documentation for the keys that there are"
		if len(d.Problems) < suggested {
			if path := nearest(s); path != "" {
				cure = "did you mean " + s.Prefix + path + "?"
				if d.restrict(s, path) {
					cure += " It is read as that until then: a router must not be open to more than was meant"
				}
			}
		}
		d.problem(s, "no such key", cure)
	}
}

// restrict reads a mistyped key as the known one if that says who may reach a router.
func (d *Definition) restrict(s Setting, path string) bool {
	words := strings.Split(path, ".")
	if last := words[len(words)-1]; words[0] != "http" || words[1] != "routers" || last != "middlewares" && last != "entrypoints" {
		return false
	}
	key, names := grammar.find(words)
	return key.set(d, s, names) == nil
}

// notYet reports an object that cannot be served yet, once.
func (d *Definition) notYet(s Setting, key *Key) {
	object := origin(s, key.object)
	if d.later[object.Prefix] {
		return
	}
	if d.later == nil {
		d.later = map[string]bool{}
	}
	d.later[object.Prefix] = true
	d.Problems = append(d.Problems, object.Problem("", key.Doc+" is not supported yet", key.cure))
}

// origin is the object that the first words of a setting's path name.
func origin(s Setting, words int) discovery.Origin {
	return discovery.Origin{Subject: s.Subject, Prefix: s.Prefix + strings.Join(s.Path[:min(words, len(s.Path))], ".")}
}

func newBalancer(name string) *Balancer {
	return &Balancer{
		Service: discovery.Service{
			Name: name, Strategy: discovery.WRR, PassHostHeader: true,
		},
		Scheme: "http", Weight: 1,
		cookie: discovery.Cookie{Path: "/"},
	}
}

// onRouter makes a setter of one that writes to a router. A router of which no setting can be used
// is not defined.
func onRouter(set func(r *Router, value string) *misfit) setter {
	return func(d *Definition, s Setting, names []string) *misfit {
		name := strings.ToLower(names[0])
		r, known := d.routers[name]
		if !known {
			r = &Router{Router: discovery.Router{Name: names[0], Origin: origin(s, 3)}}
		}
		bad := set(r, s.Value)
		if bad == nil && !known {
			d.routers[name] = r
			d.Routers = append(d.Routers, r)
		}
		return bad
	}
}

// onBalancer makes a setter of one that writes to a balancer. One of which no setting can be used
// is only defined if a router asks for it by name.
func onBalancer(set func(b *Balancer, value string) *misfit) setter {
	return func(d *Definition, s Setting, names []string) *misfit {
		name := strings.ToLower(names[0])
		b, known := d.balancers[name]
		if !known {
			b = newBalancer(names[0])
			b.Origin = origin(s, 4)
		}
		bad := set(b, s.Value)
		switch {
		case known:
		case bad == nil:
			d.balancers[name] = b
			d.Balancers = append(d.Balancers, b)
		default:
			if d.vague == nil {
				d.vague = map[string]*Balancer{}
			}
			d.vague[name] = b
		}
		return bad
	}
}

// checked looks at a value that needs nothing done.
func checked[F any](parse func(string) (F, *misfit)) func(*Balancer, string) *misfit {
	return func(_ *Balancer, value string) *misfit {
		_, bad := parse(value)
		return bad
	}
}

// field makes a function that parses a value and puts it into a field.
func field[T, F any](parse func(string) (F, *misfit), of func(*T) *F) func(*T, string) *misfit {
	return func(t *T, value string) *misfit {
		parsed, bad := parse(value)
		if bad == nil {
			*of(t) = parsed
		}
		return bad
	}
}

// finish draws the conclusions that need all of a balancer's settings.
func (d *Definition) finish(b *Balancer) {
	if b.asked && b.stuck == nil || b.stuck != nil && *b.stuck {
		b.Sticky = &b.cookie
	}
	if p := b.probe; p != nil {
		if p.Mode == "http" && p.Path == "" {
			d.Problems = append(d.Problems, b.Origin.Problem("healthcheck", "it has no path, so nothing is probed",
				"add "+b.Origin.Prefix+".healthcheck.path"))
			return
		}
		if p.UnhealthyInterval == 0 {
			p.UnhealthyInterval = p.Interval
		}
		b.Probe = p
	}
}
