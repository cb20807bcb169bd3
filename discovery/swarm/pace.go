package swarm

import (
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

const (
	// afterEvent is how long listings stay quick after an event or a change of a task: events
	// tell of services, their tasks follow, and those of other nodes are told by nobody.
	afterEvent = 2 * time.Second
	// afterChange bounds how long an update that makes no progress is followed quickly: one
	// that waits for a suitable node says "updating" for days.
	afterChange = 60 * time.Second
	// fair is the share of its interval that a listing may take before that is said.
	fair = 5
)

// pace decides when to list next.
type pace struct {
	interval, update time.Duration

	event    time.Time // last event or change of a task
	change   time.Time // last change of a task
	updating bool
	took     time.Duration

	slow, slowUpdate streak // judged apart: else each update would raise the problem, each quiet minute clear it
}

func (p *pace) woken(now time.Time) { p.event = now }

// listed takes note of a listing that went from started to now.
func (p *pace) listed(started, now time.Time, changed, updating bool) {
	p.took, p.updating = now.Sub(started), updating
	if p.quick(started) {
		p.slowUpdate.add(p.took, p.update)
	} else {
		p.slow.add(p.took, p.interval)
	}
	if changed {
		p.event, p.change = now, now
	}
}

func (p *pace) quick(now time.Time) bool {
	return now.Before(p.event.Add(afterEvent)) || p.updating && now.Before(p.change.Add(afterChange))
}

// due is when the listing after the one that began at started begins. The engine gets at least
// as long a rest as it worked, within the longest interval.
func (p *pace) due(started time.Time) time.Time {
	d := p.interval
	if p.quick(time.Now()) {
		d = p.update
	}
	return started.Add(min(max(d, 2*p.took), longestInterval))
}

// problems says where listing takes more than a fair share of its interval.
func (p *pace) problems() (ps []discovery.Problem) {
	for _, s := range []struct {
		streak
		name, cure string
	}{
		{p.slow, "interval", "give the manager more CPU, or use the endpoint of one that is less busy"},
		{p.slowUpdate, "update interval", "raise the update interval (up to 1.5s), give the manager more CPU, or use the endpoint of one that is less busy"},
	} {
		if s.on {
			ps = append(ps, discovery.Problem{
				Subject: "engine",
				Wrong:   "listing the cluster takes more than a fifth of the " + s.name + ", so changes are seen late",
				Cure:    s.cure,
			})
		}
	}
	return ps
}

// streak turns on after ten listings in a row that took more than their fair share of an
// interval, and off after a hundred that took less than half of it: a busy moment is no problem,
// and a problem is not cured by a quiet one.
type streak struct {
	on          bool
	over, under int
}

func (s *streak) add(took, interval time.Duration) {
	switch {
	case took > interval/fair:
		s.over, s.under = s.over+1, 0
	case took < interval/fair/2:
		s.over, s.under = 0, s.under+1
	default:
		s.over, s.under = 0, 0
	}
	if s.over >= 10 {
		s.on = true
	}
	if s.under >= 100 {
		s.on = false
	}
}
