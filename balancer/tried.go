package balancer

// Tried is what one request has asked already. The zero value is ready to use; it must
// not be shared between requests. Take writes it.
type Tried struct {
	count int
	few   [4]asked // enough for nearly every request, so that it stays on the stack
	more  []asked
}

type asked struct {
	backend *Backend
	turn    uint64 // the backend's readiness turn when it was asked
}

// Count is how many backends were asked.
func (t *Tried) Count() int { return t.count }

// bars reports whether b may not be asked again: it was, and has not become ready since.
func (t *Tried) bars(b *Backend, c condition) bool {
	if t.count == 0 {
		return false
	}
	a := t.find(b)
	return a != nil && (!c.has(isReady) || a.turn == c.turn())
}

func (t *Tried) find(b *Backend) *asked {
	for i := range min(t.count, len(t.few)) {
		if t.few[i].backend == b {
			return &t.few[i]
		}
	}
	for i := range t.more {
		if t.more[i].backend == b {
			return &t.more[i]
		}
	}
	return nil
}

func (t *Tried) add(b *Backend, c condition) {
	if a := t.find(b); a != nil {
		a.turn = c.turn()
		return
	}
	if t.count < len(t.few) {
		t.few[t.count] = asked{b, c.turn()}
	} else {
		t.more = append(t.more, asked{b, c.turn()})
	}
	t.count++
}
