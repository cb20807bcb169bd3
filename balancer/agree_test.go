package balancer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// life is a service whose tasks come and go as a Swarm's do.
type life struct {
	rng   *rand.Rand
	tasks []discovery.Task
	made  int
	ended []string
	// changes since the last snapshot, two at most. That an address is withdrawn or comes back counts for
	// two: where it comes back in the very second in which another task leaves, two proxies do disagree
	// until both know of both.
	changes int
}

func newLife(seed uint64) *life {
	l := &life{rng: rand.New(rand.NewPCG(seed, 1))}
	for slot := range 5 {
		l.add(slot+1, discovery.Running)
	}
	return l
}

func (l *life) add(slot int, state discovery.State) {
	l.made++
	l.tasks = append(l.tasks, task(slot, named(fmt.Sprint("t", l.made)), at(fmt.Sprintf("10.0.1.%d:80", l.made)), as(state),
		stopping(time.Hour))) // when sessions leave a task that is about to be killed goes by the clock of each proxy
}

// step lets one thing happen.
func (l *life) step() {
	l.changes++
	if len(l.tasks) == 0 {
		l.add(1, discovery.Running)
		return
	}
	i := l.rng.IntN(len(l.tasks))
	t := &l.tasks[i]
	switch kind := l.rng.IntN(8); {
	case t.State == discovery.Starting:
		t.State = discovery.Running
	case t.State == discovery.Leaving || kind == 0: // its end, or a crash
		l.ended = append(l.ended, t.ID)
		slot, crashed := t.Slot, t.State == discovery.Running
		l.tasks = slices.Delete(l.tasks, i, i+1)
		if crashed {
			l.add(slot, discovery.Starting)
		}
	case kind < 3: // start-first
		t.State = discovery.Leaving
		l.add(t.Slot, discovery.Running)
	case kind == 3: // stop-first, or scaled down
		t.State = discovery.Leaving
	case kind == 4 && l.changes == 1:
		t.Withdrawn, l.changes = !t.Withdrawn, 2
	case kind == 5:
		t.Weight = l.rng.IntN(3)
	case len(l.tasks) < 9:
		l.add(l.rng.IntN(8)+1, discovery.Running)
	}
}

// snapshot is what is seen of it since the last one.
func (l *life) snapshot(stay bool) discovery.Snapshot {
	s := stickyService(slices.Clone(l.tasks)...)
	if stay {
		s = stayingService(s.Tasks...)
	}
	slices.SortFunc(s.Tasks, func(a, b discovery.Task) int { return len(a.ID) - len(b.ID) })
	slices.Sort(l.ended)
	snapshot := discovery.Snapshot{Services: []discovery.Service{s}, Ended: l.ended}
	l.ended, l.changes = nil, 0
	return snapshot
}

// visitor is a session with its cookie.
type visitor struct {
	number byte
	pin    *discovery.Pin
	moves  int
}

// ask sends a request to a proxy; "" is no backend. Failing open is left out, because it is about what
// one proxy alone holds against a backend; and a service's last one goes on by the clock of each.
func (v *visitor) ask(p *Pool) string {
	id, c := take(p, v.pin)
	if id == "" || c.Why == FailedOpen {
		return ""
	}
	if c.Repin {
		next := &discovery.Pin{Service: "shop", Seat: c.Backend.Task().Seat, Task: id, Session: discovery.Session{v.number}}
		if v.pin != nil {
			next.Session = v.pin.Session
			v.moves++
		}
		v.pin = next
	}
	return id
}

// Of two proxies, one is a snapshot behind half of the time. Whoever asks them in turn is sent to one
// task by both as soon as both know the same, and gets no more cookies than there were changes.
func TestTwoProxiesNeverFightOverASession(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			l, stay := newLife(seed), seed%2 == 0
			var ahead, behind *Set
			var visitors [8]visitor
			changes := 1
			for step := range 30 {
				next := l.snapshot(stay)
				ahead = follow(ahead, next)
				if behind == nil {
					behind = follow(nil, next)
				}
				for i := range visitors {
					v := &visitors[i]
					v.number, v.moves = byte(i), 0
					for range 4 {
						v.ask(behind.Pool("shop"))
						v.ask(ahead.Pool("shop"))
					}
					if v.moves > changes {
						t.Fatalf("seed %d, step %d: with one behind, a session moved %d times for %d changes", seed, step, v.moves, changes)
					}
				}
				time.Sleep(time.Second)
				behind = follow(behind, next)
				for i := range visitors {
					v := &visitors[i]
					v.ask(ahead.Pool("shop"))
					v.moves = 0
					one, two := v.ask(behind.Pool("shop")), v.ask(ahead.Pool("shop"))
					if one != two && one != "" && two != "" || v.moves > 0 {
						t.Fatalf("seed %d, step %d: %q and %q, moved %d times", seed, step, one, two, v.moves)
					}
				}
				for changes = 1 + l.rng.IntN(2); l.changes < changes; {
					l.step()
				}
			}
		})
	}
}
