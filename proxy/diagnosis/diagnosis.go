// Package diagnosis says in a sentence, for whoever is called at night, why services have too few
// ready backends: it looks at all backends at once, since what a single failed dial means only
// shows beside those that worked.
package diagnosis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
)

// patience is how long a backend may be out of service before that is worth a word: updates and
// restarts are no trouble.
const patience = 3 * time.Second

// A View is what there is to see at one moment.
type View struct {
	Pools []balancer.PoolStatus
	Nodes []discovery.Node
	// Held tells how many requests of a service wait for a backend.
	Held func(service string) int
	// Choked are the ready backends, by task id, to which requests wait for packets that are too
	// large for the way.
	Choked map[string]bool
}

// A Finding is what is wrong with one service.
type Finding struct {
	Service string
	Ready   int
	Wanted  int // tasks that the cluster wants to run
	Held    int
	Since   time.Time // when it began
	// Causes are sentences. They hold no time, and change only when the trouble does.
	Causes []string
}

// String is the finding as one line: "shop_web: 0 of 4 ready since 03:02:11, 17 held. All 4 …".
func (f Finding) String() string {
	s := fmt.Sprintf("%s: %d of %d ready since %s", f.Service, f.Ready, f.Wanted, clock(f.Since))
	if f.Held > 0 {
		s += fmt.Sprintf(", %d held", f.Held)
	}
	return s + ". " + strings.Join(f.Causes, " ")
}

// clock is a time of this day, or else with its date.
func clock(t time.Time) string {
	if time.Since(t) < 12*time.Hour {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// Same reports whether g says the same as f, numbers and times aside.
func (f Finding) Same(g Finding) bool {
	return f.Service == g.Service && (f.Ready == 0) == (g.Ready == 0) && slices.Equal(f.Causes, g.Causes)
}

// A Doctor remembers since when what it sees has been so. It is for one goroutine; make it with New.
type Doctor struct {
	out  map[string]time.Time // backends out of service, by the task's name, which its successor inherits
	down map[string]time.Time // services in trouble
}

// New makes a Doctor that has seen nothing yet.
func New() *Doctor {
	return &Doctor{out: map[string]time.Time{}, down: map[string]time.Time{}}
}

// Look finds what is wrong at the moment, sorted by service. It is to be called every second or so.
func (d *Doctor) Look(v View, now time.Time) []Finding {
	d.out = d.outSince(v, now)
	nodes := survey(v)
	down := map[string]time.Time{}
	var all []Finding
	for _, p := range v.Pools {
		f := Finding{Service: p.Service, Ready: p.Ready, Held: v.Held(p.Service)}
		var ill []patient
		for _, b := range wanted(p) {
			f.Wanted++
			if since, out := d.out[b.Task.Name]; out && now.Sub(since) >= patience {
				ill = append(ill, patient{b, v.complaint(b)})
				if f.Since.IsZero() || since.Before(f.Since) {
					f.Since = since
				}
			}
		}
		if len(ill) == 0 {
			continue
		}
		if before, known := d.down[p.Service]; known {
			f.Since = before
		}
		down[p.Service] = f.Since
		f.Causes = nodes.causes(ill)
		all = append(all, f)
	}
	d.down = down
	return all
}

// wanted are the tasks of a service that the cluster wants to run, also those without an address.
func wanted(p balancer.PoolStatus) []balancer.BackendStatus {
	var all []balancer.BackendStatus
	for _, b := range p.Backends {
		if b.State != "draining" {
			all = append(all, b)
		}
	}
	for _, t := range p.Coming {
		all = append(all, balancer.BackendStatus{Task: t, State: "starting"})
	}
	return all
}

// outSince notes since when the backends that are not in service have not been. A task that only
// starts is not out of service unless nobody waits for it any more.
func (d *Doctor) outSince(v View, now time.Time) map[string]time.Time {
	next := map[string]time.Time{}
	for _, p := range v.Pools {
		for _, b := range wanted(p) {
			if v.complaint(b) == fine {
				continue
			}
			since, known := d.out[b.Task.Name]
			if !known {
				since = now
			}
			next[b.Task.Name] = since
		}
	}
	return next
}
