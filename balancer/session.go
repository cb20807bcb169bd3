package balancer

// farBehind is how many sessions less than its due a seat must have been given lately to
// count as new, or as back from an absence.
const farBehind = 2

// seatNew places a session that begins: where fewest were given lately, for the weight.
// Equals go in the order of the strategy, so n requests to n ready backends see each of them.
//
// A seat that is far behind, after a scale-up say, is not simply given everything: clients
// that keep no cookie begin a session with each request, and all of them would fall upon the
// newcomer. There the better of two drawn from the wheel is taken, which gives no seat more
// than twice its share.
func (p *Pool) seatNew(r *request) int {
	first := p.pick(r)
	if first == none {
		return none
	}
	now := p.now(r)
	var given, due float64 // of all eligible members
	best, low, count, part := none, 0.0, 0.0, 0.0
	for k := range p.members {
		i := (first + k) % len(p.members)
		m := &p.members[i]
		if m.weight == 0 || !p.eligible(i, r) {
			continue
		}
		n, share := float64(m.seat.sessions.read(now)), float64(m.weight)*p.ramp(i, r)
		given, due = given+n, due+share
		if cost := (n + 1) / share; best == none || cost < low {
			best, low, count, part = i, cost, n, share
		}
	}
	if best == none { // first has become ineligible in this moment
		return first
	}
	if count+farBehind >= given*part/due {
		return best
	}
	return p.lesser(r, func(m *member) float64 {
		return float64(m.seat.sessions.read(now)) / float64(m.weight)
	})
}
