package balancer

import (
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A Pool is the backends of one service and how to choose among them. It never changes.
type Pool struct {
	service   string
	strategy  discovery.Strategy
	sticky    bool
	stay      bool // sessions stay on a task that drains
	slowStart time.Duration
	hub       *hub

	members   []member       // in the order of their task ids
	byTask    map[string]int // members by task id
	seats     map[discovery.Seat]*seat
	awaited   bool             // a task is on its way
	stuck     string           // which task is not, and why; "" if there is no such
	coming    []discovery.Task // have no address yet
	wheel     []int32          // members in the order in which wrr goes round
	turn      *atomic.Uint64   // of the wheel; goes on in the next Set
	strangers *strangers       // goes on in the next Set
	gone      []*Backend       // left the pool, but requests have them
}

// member is a backend's part in one pool.
type member struct {
	*Backend
	weight int
	seat   *seat
}

// A seat is what tasks of one service inherit from each other, as long as it is in the
// snapshots.
type seat struct {
	hash     uint64
	members  []int   // that are in it; more than one while one follows another
	sessions *fading // given here lately; goes on in the next Set
}

// newPool makes the pool of a service. backend finds or makes the one of a task that has
// an address; tasks without one are only awaited. previous is the pool that the service
// had, or nil.
func newPool(s discovery.Service, backend func(discovery.Task) *Backend, previous *Pool, h *hub) *Pool {
	p := &Pool{
		service:   s.Name,
		strategy:  s.Strategy,
		sticky:    s.Sticky != nil,
		stay:      s.Sticky != nil && s.Sticky.OnDrain == discovery.Stay,
		awaited:   s.Awaited,
		slowStart: s.SlowStart,
		hub:       h,
		byTask:    make(map[string]int, len(s.Tasks)),
		seats:     make(map[discovery.Seat]*seat, len(s.Tasks)),
		turn:      new(atomic.Uint64),
		strangers: new(strangers),
	}
	if previous != nil {
		p.turn, p.strangers = previous.turn, previous.strangers
	}
	for _, t := range s.Tasks {
		seat := p.seatOf(t.Seat, previous)
		if t.State == discovery.Starting && t.Stuck == "" {
			p.awaited = true
		} else if t.State == discovery.Starting && p.stuck == "" {
			p.stuck = t.Name + ": " + t.Stuck
		}
		if t.Address.HostPort == "" {
			p.coming = append(p.coming, t)
			continue
		}
		i := len(p.members)
		p.members = append(p.members, member{backend(t), max(t.Weight, 0), seat})
		seat.members = append(seat.members, i)
		p.byTask[t.ID] = i
	}
	p.wheel = newWheel(p.members)
	p.gone = p.left(previous)
	return p
}

// left finds the backends that the previous pool had and this one has not, as long as
// requests have them and their task may still run. Then they are forgotten.
func (p *Pool) left(previous *Pool) []*Backend {
	if previous == nil {
		return nil
	}
	var gone []*Backend
	consider := func(b *Backend) {
		if b.InFlight() > 0 && !b.over() {
			gone = append(gone, b)
		}
	}
	for _, b := range previous.gone {
		consider(b)
	}
	for _, m := range previous.members {
		i, found := p.byTask[m.task.ID]
		if !found {
			p.strangers.left(m.task.ID)
		}
		if !found || p.members[i].Backend != m.Backend {
			consider(m.Backend)
		}
	}
	return gone
}

func (p *Pool) seatOf(name discovery.Seat, previous *Pool) *seat {
	if s := p.seats[name]; s != nil {
		return s
	}
	s := &seat{hash: hashString(string(name)), sessions: newFading()}
	if previous != nil {
		if before := previous.seats[name]; before != nil {
			s.sessions = before.sessions
		}
	}
	p.seats[name] = s
	return s
}

// Alive reports whether the task that a pin names is in service: of several cookies the
// first alive one counts.
func (p *Pool) Alive(pin discovery.Pin) bool {
	i, found := p.byTask[pin.Task]
	return found && (p.members[i].Ready() || p.stay && p.members[i].now().has(isStaying))
}

// Stuck is the name of a task that should run and of which nobody expects that it soon will, with
// the reason; "" if there is no such task.
func (p *Pool) Stuck() string { return p.stuck }

// Expects reports whether a request that found nothing to take may hope: a task is on its
// way, or one is out of service for passive reasons or was not probed yet. It is false at
// zero replicas, where tasks are stuck, and where all active probes fail.
func (p *Pool) Expects() bool {
	if p.awaited {
		return true
	}
	for i := range p.members {
		if c := p.members[i].now(); c.has(isRunning) && !c.has(isDraining|isFailing) {
			return true
		}
	}
	return false
}

// Ready is how many backends are ready.
func (p *Pool) Ready() int {
	n := 0
	for i := range p.members {
		if p.members[i].Ready() {
			n++
		}
	}
	return n
}
