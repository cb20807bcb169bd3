package balancer

import (
	"math/rand/v2"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// pick is the service's strategy among the members that r may have; those of weight 0 are
// never picked.
func (p *Pool) pick(r *request) int {
	switch p.strategy {
	case discovery.P2C:
		return p.lesser(r, func(m *member) float64 { return float64(m.InFlight()) })
	case discovery.LeastTime:
		return p.quickest(r)
	case discovery.HRW:
		return p.homeOf(r)
	}
	return p.draw(r, p.next)
}

// next is the place after the last one that any request had.
func (p *Pool) next() uint64 { return p.turn.Add(1) - 1 }

// draw goes round the wheel, place after place as where says, to the first member that r
// may have. Each place passed over is used up: were it only skipped, the neighbour of a
// backend that is out of service would have its share in addition.
func (p *Pool) draw(r *request, where func() uint64) int {
	slow := none
	if len(p.wheel) == 0 {
		return none
	}
	for range len(p.wheel) + 8 { // a few more, for draws at random from a small wheel
		place := where()
		i := int(p.wheel[place%uint64(len(p.wheel))])
		if !p.eligible(i, r) {
			continue
		}
		if p.admits(i, place, r) {
			return i
		}
		slow = i
	}
	if slow != none {
		return slow
	}
	// Other requests, or chance, may have had the places that this one needed.
	for i := range p.members {
		if p.members[i].weight > 0 && p.eligible(i, r) {
			return i
		}
	}
	return none
}

// admits reports whether a member takes the request that came to its place on the wheel:
// one in slow start only takes some, evenly spread.
func (p *Pool) admits(i int, place uint64, r *request) bool {
	share := p.ramp(i, r)
	return share == 1 || golden(place) < share
}

// golden spreads numbers evenly between 0 and 1, also those of every n-th place only
// (multiples of the golden ratio: an additive recurrence of low discrepancy).
func golden(place uint64) float64 {
	return float64(place*0x9e3779b97f4a7c15>>11) / (1 << 53)
}

// slowest is the share of new requests that slow start begins with.
const slowest = 0.1

// ramp is the part of its weight that counts for a member now: less than 1 in slow start.
func (p *Pool) ramp(i int, r *request) float64 {
	if p.slowStart == 0 {
		return 1
	}
	since := p.now(r) - time.Duration(p.members[i].readyAt.Load())
	if since >= p.slowStart {
		return 1
	}
	return slowest + (1-slowest)*float64(max(since, 0))/float64(p.slowStart)
}

// lesser draws two at random and takes the one of less cost. That is nearly as good as to
// look at all, and requests that come at once don't all go to the same.
func (p *Pool) lesser(r *request, cost func(*member) float64) int {
	a := p.draw(r, rand.Uint64)
	if a == none {
		return none
	}
	b := p.draw(r, rand.Uint64)
	if b == a { // look a little further for a real choice
		b = p.draw(r, rand.Uint64)
	}
	if b != none && cost(&p.members[b]) < cost(&p.members[a]) {
		return b
	}
	return a
}

// quickest takes the member with the least time to first byte times the requests that it
// would then have, for its weight. One that has not answered yet counts as an average one.
func (p *Pool) quickest(r *request) int {
	now := p.now(r)
	sum, known := 0.0, 0
	for i := range p.members {
		if t := p.members[i].answer.read(now); t > 0 {
			sum, known = sum+float64(t), known+1
		}
	}
	average := 1.0
	if known > 0 {
		average = sum / float64(known)
	}
	best, low := none, 0.0
	start := int(p.next() % uint64(max(len(p.members), 1))) // so that equals take turns
	for k := range p.members {
		i := (start + k) % len(p.members)
		m := &p.members[i]
		if m.weight == 0 || !p.eligible(i, r) {
			continue
		}
		t := float64(m.answer.read(now))
		if t == 0 {
			t = average
		}
		cost := t * float64(m.InFlight()+1) / (float64(m.weight) * p.ramp(i, r))
		if best == none || cost < low {
			best, low = i, cost
		}
	}
	return best
}

// homeOf takes the seat that the client's address hashes to.
func (p *Pool) homeOf(r *request) int {
	key := hashAddr(r.client)
	best, high := none, 0.0
	for i := range p.members {
		m := &p.members[i]
		if m.weight == 0 || !p.eligible(i, r) {
			continue
		}
		if s := score(m.seat.hash, key, float64(m.weight)*p.ramp(i, r)); s > high {
			best, high = i, s
		}
	}
	return best
}
