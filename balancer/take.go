package balancer

import (
	"net/netip"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A Choice is a backend taken for one request.
type Choice struct {
	Backend *Backend
	Why     Why
	// Repin says that the answer must carry a new pin for the backend: the session had
	// none, or its task is gone, drains or was ejected.
	Repin bool
}

// Why a backend was chosen.
type Why uint8

// The reasons, in the order in which they are tried.
const (
	Pinned     Why = iota // the pin names it
	Seated                // it has the seat that the pin names
	Rehashed              // the pin's seat has nobody: rendezvous of the session over the seats
	Strategic             // no pin: the service's strategy
	FailedOpen            // nothing is ready; it was not, for passive reasons
)

func (w Why) String() string {
	return [...]string{"pinned", "seat", "rendezvous", "strategy", "failopen"}[w]
}

// none is the index of no member.
const none = -1

// A request is what one Take goes by.
type request struct {
	pin    *discovery.Pin
	client netip.Addr
	tried  *Tried
	want   condition     // the flag that makes a member eligible: isStaying, isReady, isLast or isOpen
	now    time.Duration // hub time; 0: not asked for yet
}

// Take chooses a backend and acquires it: the caller must Release it. pin is what a valid
// cookie said, or nil; client is the address that the strategy hrw goes by. tried are the
// backends that this request was given before, and is written to. Without anything to take
// it returns false: hold if Expects, otherwise answer 503.
func (p *Pool) Take(pin *discovery.Pin, client netip.Addr, tried *Tried) (Choice, bool) {
	r := request{pin: pin, client: client, tried: tried}
	for range len(p.members) + 1 { // one that began to drain meanwhile is not met again
		i, why := p.choose(&r)
		if i == none {
			return Choice{}, false
		}
		m := &p.members[i]
		c := m.now()
		if !m.acquire(r.want) {
			continue
		}
		tried.add(m.Backend, c)
		choice := Choice{Backend: m.Backend, Why: why, Repin: p.repins(&r, i)}
		if choice.Repin && why != Seated { // a seat's session was counted when it came
			m.seat.sessions.add(p.now(&r))
		}
		return choice, true
	}
	return Choice{}, false
}

// choose goes through the steps: the pinned one that drains, where sessions stay; among the ready;
// if the service has none, among those that drain as its last ones; then among those that are out
// of service for passive reasons.
func (p *Pool) choose(r *request) (int, Why) {
	if p.stay && r.pin != nil {
		r.want = isStaying
		if i, found := p.byTask[r.pin.Task]; found && p.eligible(i, r) {
			return i, Pinned
		}
	}
	r.want = isReady
	if i, why := p.among(r); i != none {
		return i, why
	}
	if p.Ready() == 0 {
		r.want = isLast
		if i, why := p.among(r); i != none {
			return i, why
		}
	}
	r.want = isOpen
	i, _ := p.among(r)
	return i, FailedOpen
}

// among takes the steps among the members that have what r wants.
func (p *Pool) among(r *request) (int, Why) {
	if r.pin == nil {
		if p.sticky && p.strategy != discovery.HRW {
			return p.seatNew(r), Strategic
		}
		return p.pick(r), Strategic
	}
	if i, found := p.byTask[r.pin.Task]; found && p.eligible(i, r) {
		return i, Pinned
	}
	if s := p.seats[r.pin.Seat]; s != nil {
		if i := p.inSeat(s, r); i != none {
			return i, Seated
		}
	}
	return p.rehash(r), Rehashed
}

// eligible reports whether a member has what r wants and may be asked by it.
func (p *Pool) eligible(i int, r *request) bool {
	b := p.members[i].Backend
	c := b.now()
	return b.takes(c, r.want) && !r.tried.bars(b, c)
}

func (p *Pool) inSeat(s *seat, r *request) int {
	for _, i := range s.members {
		if p.eligible(i, r) {
			return i
		}
	}
	return none
}

// rehash finds a session without its seat a new one: all proxies choose the same, except
// for what they alone know to be bad.
func (p *Pool) rehash(r *request) int {
	key := hashSession(r.pin.Session)
	best, high := none, 0.0
	for i := range p.members {
		m := &p.members[i]
		if m.weight == 0 || !p.eligible(i, r) {
			continue
		}
		if s := score(m.seat.hash, key, float64(m.weight)); s > high {
			best, high = i, s
		}
	}
	return best
}

// repins reports whether a request gets a new pin for member i: when it had none, or the one it
// had is of no more use. A task that merely could not be reached once, or whose probe fails, keeps
// its sessions. So does one that this proxy has yet to hear of, and for a while one that is withdrawn: it may have a
// successor that this proxy has yet to hear of.
func (p *Pool) repins(r *request, i int) bool {
	switch {
	case !p.sticky:
		return false
	case r.pin == nil:
		return true
	}
	pinned, found := p.byTask[r.pin.Task]
	if !found {
		return p.strangers.gone(r.pin.Task, p.now(r))
	}
	m := &p.members[pinned]
	c := m.now()
	switch {
	case pinned == i, p.stay && c.has(isStaying):
		return false
	case c.has(isEjected | isDraining):
		return true
	}
	return c.has(isWithdrawn) && p.now(r)-time.Duration(m.withdrawnAt.Load()) >= agreeTime
}

// now is the hub's time, read at most once a request.
func (p *Pool) now(r *request) time.Duration {
	if r.now == 0 {
		r.now = p.hub.now()
	}
	return r.now
}
