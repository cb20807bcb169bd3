package balancer

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Requests run while tasks follow one another, are ejected and come back. A backend whose
// drain was seen, and that is nobody's last, is never taken; all that was taken is given back.
func TestNoRequestReachesABackendThatDrains(t *testing.T) {
	const seats, generations = 4, 100
	generation := func(g int) []discovery.Task {
		var ts []discovery.Task
		for slot := 1; slot <= seats; slot++ {
			run := (g + slot) / seats // one seat's task changes with each generation
			ts = append(ts, task(slot, named(fmt.Sprint("t", slot, "-", run))))
		}
		return ts
	}
	var current atomic.Pointer[Set]
	current.Store(adopted(nil, stickyService(generation(0)...)))
	var seen sync.Map
	done := make(chan struct{})
	var taken atomic.Int64
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				var tried Tried
				var pin *discovery.Pin
				if n%2 == 0 {
					pin = pinTo(n%6 + 1)
				}
				set := current.Load()
				p := set.Pool("shop")
				before := drainingOf(p)
				c, ok := p.Take(pin, netip.Addr{}, &tried)
				if !ok && set != current.Load() {
					continue // it slept while all tasks of its Set were replaced
				}
				if !ok {
					t.Error("nothing to take, though three seats are always ready")
					return
				}
				taken.Add(1)
				if before[c.Backend] {
					t.Error("took one that was seen draining")
				}
				if c.Backend.InFlight() < 1 {
					t.Error("less than one in flight while it is taken")
				}
				seen.Store(c.Backend, true)
				if n%50 == worker {
					c.Backend.Failed(errDial)
				} else {
					c.Backend.Answered(time.Microsecond)
				}
				c.Backend.Release()
			}
		})
	}
	for g := 1; g <= generations; g++ {
		before := taken.Load()
		leaving := generation(g - 1)
		next := generation(g)
		known := map[string]bool{}
		for _, n := range next {
			known[n.ID] = true
		}
		for _, l := range leaving { // start-first: the old one is listed as leaving
			if !known[l.ID] {
				l.State = discovery.Leaving
				next = append(next, l)
			}
		}
		s := Build(discovery.Snapshot{Services: []discovery.Service{stickyService(next...)}}, current.Load(), testOptions())
		s.Adopt(func() { current.Store(s) })
		for taken.Load() < before+20 && !t.Failed() { // the load meets each change
			time.Sleep(10 * time.Microsecond)
		}
	}
	close(done)
	all.Wait()
	count := 0
	for b := range seen.Range {
		count++
		if n := b.(*Backend).InFlight(); n != 0 {
			t.Errorf("%d still in flight at %s", n, b.(*Backend).Task().ID)
		}
	}
	if count < generations/2 {
		t.Errorf("only %d backends were met in %d generations", count, generations)
	}
}

func drainingOf(p *Pool) map[*Backend]bool {
	all := map[*Backend]bool{}
	for _, m := range p.members {
		if m.Draining() {
			all[m.Backend] = true
		}
	}
	return all
}

// Whoever sees a drain, and then nothing in flight, may rely on that.
func TestNothingIsInFlightAfterADrainIsSeen(t *testing.T) {
	for range 200 {
		b := newBackend(task(1), false, false, new(drains), newHub())
		var all sync.WaitGroup
		begin := make(chan struct{})
		for range 3 {
			all.Go(func() {
				<-begin
				for b.Acquire() {
					b.Release()
				}
			})
		}
		close(begin)
		b.Drain()
		if b.Acquire() {
			t.Fatal("acquired after the drain")
		}
		all.Wait()
		if n := b.InFlight(); n != 0 {
			t.Fatalf("%d in flight", n)
		}
	}
}

func TestTakingAllocatesNothing(t *testing.T) {
	for _, strategy := range []discovery.Strategy{discovery.WRR, discovery.P2C, discovery.LeastTime, discovery.HRW} {
		s := stickyService(tasks(6)...)
		s.Strategy = strategy
		p := adopted(nil, s).Pool("shop")
		for _, pin := range []*discovery.Pin{nil, pinTo(2), pinTo(99)} {
			if n := testing.AllocsPerRun(100, func() {
				var tried Tried
				for range 3 {
					if c, ok := p.Take(pin, netip.Addr{}, &tried); ok {
						c.Backend.Release()
					}
				}
			}); n != 0 {
				t.Errorf("%s with pin %v: %v allocations", strategy, pin, n)
			}
		}
	}
}
