package balancer

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func ejected(b *Backend) {
	b.Failed(errDial)
	b.Failed(errDial)
}

func TestWhoIsTaken(t *testing.T) {
	successor := task(1, named("t9"), at("10.0.0.9:80"))
	for _, c := range []struct {
		name  string
		tasks []discovery.Task
		first []discovery.Task // in the snapshot before; nil: none
		edit  func(*testing.T, *Pool)
		pin   *discovery.Pin
		want  string // "": nothing
		why   Why
		repin bool
	}{
		{name: "the pinned task", tasks: tasks(6), pin: pinTo(3), want: "t3", why: Pinned},
		{name: "the pinned task of weight 0", tasks: []discovery.Task{task(1, weighing(0)), task(2)}, pin: pinTo(1), want: "t1", why: Pinned},
		{name: "after one failed dial still", tasks: tasks(6), pin: pinTo(3), want: "t3", why: Pinned,
			edit: func(t *testing.T, p *Pool) { backendOf(t, p, "t3").Failed(errDial) }},
		{name: "after an answer between failed dials still", tasks: tasks(6), pin: pinTo(3), want: "t3", why: Pinned,
			edit: func(t *testing.T, p *Pool) {
				b := backendOf(t, p, "t3")
				b.Failed(errDial)
				b.Answered(time.Millisecond)
				b.Failed(errDial)
			}},
		{name: "the successor in the seat", first: tasks(2), tasks: []discovery.Task{task(2), successor}, pin: pinTo(1), want: "t9", why: Seated, repin: true},
		{name: "the successor of a draining one", first: tasks(2), tasks: []discovery.Task{task(1, as(discovery.Leaving)), task(2), successor},
			pin: pinTo(1), want: "t9", why: Seated, repin: true},
		{name: "the successor, though of weight 0", first: tasks(2), tasks: []discovery.Task{task(2), task(1, named("t9"), weighing(0))}, pin: pinTo(1), want: "t9", why: Seated, repin: true},
		{name: "another seat if the successor starts", first: tasks(1),
			tasks: []discovery.Task{task(1, as(discovery.Leaving)), task(2), task(1, named("t9"), at("10.0.0.9:80"), as(discovery.Starting))},
			pin:   pinTo(1), want: "t2", why: Rehashed, repin: true},
		{name: "another seat if ejected", tasks: tasks(2), pin: pinTo(1), want: "t2", why: Rehashed, repin: true,
			edit: func(t *testing.T, p *Pool) { ejected(backendOf(t, p, "t1")) }},
		{name: "another for now if its probe fails", tasks: []discovery.Task{task(1, probed), task(2)}, pin: pinTo(1), want: "t2", why: Rehashed,
			edit: func(t *testing.T, p *Pool) { backendOf(t, p, "t1").judge(failing, errProbe) }},
		{name: "the seat of a task that nobody here has heard of yet, for now", tasks: []discovery.Task{task(2), successor}, pin: pinTo(1), want: "t9", why: Seated},
		{name: "another if withdrawn", tasks: []discovery.Task{task(1, withdrawn), task(2)}, pin: pinTo(1), want: "t2", why: Rehashed},
		{name: "nobody new while withdrawn", tasks: []discovery.Task{task(1, withdrawn), task(2, weighing(0)), task(3)}, want: "t3", why: Strategic, repin: true},
		{name: "a withdrawn one if nothing is ready, and it keeps the pin", tasks: []discovery.Task{task(1, withdrawn)}, pin: pinTo(1), want: "t1", why: FailedOpen},
		{name: "one that came back", first: []discovery.Task{task(1, withdrawn), task(2)}, tasks: tasks(2), pin: pinTo(1), want: "t1", why: Pinned},
		{name: "no session moves to weight 0", first: tasks(1), tasks: []discovery.Task{task(2, weighing(0)), task(3)}, pin: pinTo(1), want: "t3", why: Rehashed, repin: true},
		{name: "a new session", tasks: tasks(1), want: "t1", why: Strategic, repin: true},
		{name: "no new session at weight 0", tasks: []discovery.Task{task(1, weighing(0)), task(2)}, want: "t2", why: Strategic, repin: true},
		{name: "none at all where all have weight 0", tasks: []discovery.Task{task(1, weighing(0))}},
		{name: "an ejected one if nothing is ready", tasks: tasks(1), want: "t1", why: FailedOpen, repin: true,
			edit: func(t *testing.T, p *Pool) { ejected(backendOf(t, p, "t1")) }},
		{name: "the pinned one of two ejected, and it keeps the pin", tasks: tasks(2), pin: pinTo(2), want: "t2", why: FailedOpen,
			edit: func(t *testing.T, p *Pool) { ejected(backendOf(t, p, "t1")); ejected(backendOf(t, p, "t2")) }},
		{name: "one whose port is not known to accept if nothing is ready", tasks: []discovery.Task{task(1, unchecked)}, want: "t1", why: FailedOpen, repin: true},
		{name: "none whose probe fails", tasks: []discovery.Task{task(1, probed)},
			edit: func(t *testing.T, p *Pool) { backendOf(t, p, "t1").judge(failing, errProbe) }},
		{name: "none whose probe has yet to pass", tasks: []discovery.Task{task(1, probed, unchecked)}},
		{name: "but one that the cluster checks meanwhile", tasks: []discovery.Task{task(1, probed)}, want: "t1", why: Strategic, repin: true},
		{name: "none that starts", tasks: []discovery.Task{task(1, as(discovery.Starting))}},
		{name: "none that has no address", tasks: []discovery.Task{task(1, at(""))}},
		{name: "none that was leaving when first seen", tasks: []discovery.Task{task(1, as(discovery.Leaving))}},
		{name: "none of none", tasks: nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before *Set
			if c.first != nil {
				before = adopted(nil, stickyService(c.first...))
			}
			p := adopted(before, stickyService(c.tasks...)).Pool("shop")
			if c.edit != nil {
				c.edit(t, p)
			}
			id, choice := take(p, c.pin)
			if id != c.want {
				t.Fatalf("took %q (%s), want %q", id, choice.Why, c.want)
			}
			if id != "" && (choice.Why != c.why || choice.Repin != c.repin) {
				t.Errorf("because of %s, repin %t; want %s, %t", choice.Why, choice.Repin, c.why, c.repin)
			}
		})
	}
}

func TestAServiceThatIsNotStickyGivesNoPin(t *testing.T) {
	p := adopted(nil, service(tasks(2)...)).Pool("shop")
	if _, c := take(p, nil); c.Repin {
		t.Error("a pin was asked for")
	}
}

func TestARequestAsksNobodyTwice(t *testing.T) {
	s := adopted(nil, stickyService(tasks(7)...))
	p := s.Pool("shop")
	ejected(backendOf(t, p, "t7")) // asked when all ready ones were
	var tried Tried
	seen := map[string]int{}
	for range 7 {
		c, ok := p.Take(pinTo(3), netip.Addr{}, &tried)
		if !ok {
			t.Fatalf("nothing left after %v", seen)
		}
		seen[c.Backend.Task().ID]++
		if len(seen) == 7 && c.Backend.Task().ID != "t7" {
			t.Errorf("%s came after the ejected one", c.Backend.Task().ID)
		}
		c.Backend.Release()
	}
	if len(seen) != 7 || tried.Count() != 7 {
		t.Errorf("asked %v, counted %d", seen, tried.Count())
	}
	if _, ok := p.Take(pinTo(3), netip.Addr{}, &tried); ok {
		t.Error("one was asked twice")
	}
}

func TestABackendThatBecameReadyInBetweenIsAskedAgain(t *testing.T) {
	for name, recover := range map[string]func(*Backend){
		"ejected and readmitted": func(b *Backend) { b.Failed(errDial); b.Failed(errDial); b.accepted() },
		"a lost packet":          func(b *Backend) { b.Failed(errDial); b.accepted() },
		"a broken connection":    func(b *Backend) { b.Broke(); b.accepted() },
		"probe":                  func(b *Backend) { b.judge(failing, errProbe); b.judge(passing, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s := adopted(nil, stickyService(task(1, probed)))
			p := s.Pool("shop")
			var tried Tried
			c, _ := p.Take(nil, netip.Addr{}, &tried)
			c.Backend.Release()
			changed := s.Changed()
			if _, ok := p.Take(nil, netip.Addr{}, &tried); ok {
				t.Fatal("asked twice")
			}
			recover(c.Backend)
			select {
			case <-changed:
			default:
				t.Error("those who hold are not told")
			}
			again, ok := p.Take(nil, netip.Addr{}, &tried)
			if !ok || again.Backend != c.Backend {
				t.Fatal("not asked again")
			}
			again.Backend.Release()
			if _, ok := p.Take(nil, netip.Addr{}, &tried); ok {
				t.Error("asked a third time")
			}
		})
	}
}

func TestTheLastReadyBackendGoesOnForTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := adopted(nil, stickyService(task(1)))
		leaving := task(1, as(discovery.Leaving))
		second := adopted(first, stickyService(leaving, task(2, as(discovery.Starting))))
		p := second.Pool("shop")
		if id, c := take(p, pinTo(1)); id != "t1" || c.Repin {
			t.Fatalf("at once: took %q, repin %t", id, c.Repin)
		}
		time.Sleep(lastGrace - time.Millisecond)
		if id, _ := take(p, nil); id != "t1" {
			t.Fatalf("just before: took %q", id)
		}
		if backendOf(t, p, "t1").Acquire() {
			t.Error("Acquire gives a draining backend away")
		}
		time.Sleep(time.Millisecond)
		if id, _ := take(p, pinTo(1)); id != "" {
			t.Fatalf("after 2 s: took %q", id)
		}
		if !p.Expects() {
			t.Error("the starting task is not expected")
		}
	})
}

func TestTheLastReadyBackendEndsWithItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, stickyService(task(1)))
		s = adopted(s, stickyService(task(1, as(discovery.Leaving)), task(2, as(discovery.Starting))))
		s = adopted(s, stickyService(task(1, as(discovery.Leaving)), task(2)))
		for _, pin := range []*discovery.Pin{nil, pinTo(1)} {
			if id, c := take(s.Pool("shop"), pin); id != "t2" || !c.Repin {
				t.Errorf("took %q, repin %t", id, c.Repin)
			}
		}
	})
}

func TestOnlyThoseThatLeftTogetherAreTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := as(discovery.Leaving)
		s := adopted(nil, stickyService(tasks(3)...))
		s = adopted(s, stickyService(task(1, leave), task(2), task(3)))
		s = adopted(s, stickyService(task(1, leave), task(2, leave), task(3, leave)))
		seen := map[string]bool{}
		for range 8 {
			id, _ := take(s.Pool("shop"), nil)
			seen[id] = true
		}
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, []string{"t2", "t3"}) {
			t.Errorf("took %q", got)
		}
		s = adopted(s)
		if s.Pool("shop") != nil {
			t.Error("the service is gone and has a pool")
		}
	})
}

func TestExpectsTellsWhetherToHold(t *testing.T) {
	for _, c := range []struct {
		name string
		task []discovery.Task
		want bool
	}{
		{"no task", nil, false},
		{"a leaving one", []discovery.Task{task(1, as(discovery.Leaving))}, false},
		{"one without an address yet", []discovery.Task{task(1, as(discovery.Starting), at(""))}, true},
		{"one that starts", []discovery.Task{task(1, as(discovery.Starting))}, true},
		{"one that is stuck", []discovery.Task{task(1, as(discovery.Starting), stuck)}, false},
		{"one that is stuck beside one that starts", []discovery.Task{task(1, as(discovery.Starting), stuck), task(2, as(discovery.Starting))}, true},
		{"one whose address is withdrawn", []discovery.Task{task(1, withdrawn)}, true},
		{"one that has to open its port", []discovery.Task{task(1, unchecked)}, true},
		{"one that has to pass its probe", []discovery.Task{task(1, unchecked, probed)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := adopted(nil, service(c.task...)).Pool("shop")
			if got := p.Expects(); got != c.want {
				t.Errorf("expects %t", got)
			}
		})
	}
	s := service(task(1, as(discovery.Leaving)))
	s.Awaited = true
	if !adopted(nil, s).Pool("shop").Expects() {
		t.Error("does not wait for a task that the cluster is about to make")
	}
	if got := adopted(nil, service(task(1), task(2, as(discovery.Starting), stuck))).Pool("shop").Stuck(); got != "shop.2: no suitable node" {
		t.Errorf("stuck: %q", got)
	}
	p := adopted(nil, service(task(1, probed))).Pool("shop")
	backendOf(t, p, "t1").judge(failing, errProbe)
	if p.Expects() {
		t.Error("waits for a failing probe")
	}
}

func TestTwoProxiesMoveASessionToTheSamePlace(t *testing.T) {
	one := adopted(nil, stickyService(tasks(6)...)).Pool("shop")
	shuffled := tasks(6)
	slices.Reverse(shuffled)
	two := adopted(nil, stickyService(shuffled...)).Pool("shop")
	counts := map[string]int{}
	for i := range 6000 {
		pin := pinTo(99)
		pin.Session = discovery.Session{byte(i), byte(i >> 8), 11: byte(i)}
		a, _ := take(one, pin)
		b, _ := take(two, pin)
		if a != b {
			t.Fatalf("session %d goes to %s and to %s", i, a, b)
		}
		counts[a]++
	}
	for id, n := range counts {
		if n < 850 || n > 1150 { // 1000 each; more than 5 standard deviations
			t.Errorf("%s got %d of 6000", id, n)
		}
	}
}

// Proxies of different versions must agree: this table is never changed.
func TestRendezvousIsTheSameInEveryVersion(t *testing.T) {
	p := adopted(nil, stickyService(tasks(6)...)).Pool("shop")
	var got []string
	for i := range 12 {
		pin := pinTo(99)
		pin.Session = discovery.Session{0: byte(i), 11: 7}
		id, _ := take(p, pin)
		got = append(got, id)
	}
	want := []string{"t3", "t2", "t4", "t1", "t2", "t2", "t5", "t6", "t5", "t5", "t3", "t4"}
	if !slices.Equal(got, want) {
		t.Errorf("sessions go to %q, want %q", got, want)
	}
}

func TestOnlyTheSessionsOfABadSeatMove(t *testing.T) {
	p := adopted(nil, stickyService(tasks(6)...)).Pool("shop")
	place := func() (at []string) {
		for i := range 600 {
			pin := pinTo(99)
			pin.Session = discovery.Session{byte(i), byte(i >> 8)}
			id, _ := take(p, pin)
			at = append(at, id)
		}
		return at
	}
	before := place()
	ejected(backendOf(t, p, "t2"))
	moved := map[string]int{}
	for i, id := range place() {
		switch {
		case before[i] == "t2":
			moved[id]++
		case id != before[i]:
			t.Fatalf("a session moved from %s to %s", before[i], id)
		}
	}
	if len(moved) != 5 || moved["t2"] > 0 {
		t.Errorf("the sessions of t2 went to %v, want all others", moved)
	}
}

// A process that was told to stop closes its port, and answers what it has.
func TestAnAnswerDoesNotOpenAPortThatRefused(t *testing.T) {
	refusal := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	p := adopted(nil, service(tasks(1)...)).Pool("shop")
	b := backendOf(t, p, "t1")
	var tried Tried
	c, ok := p.Take(nil, netip.Addr{}, &tried)
	if !ok {
		t.Fatal("nothing to take")
	}
	b.Failed(refusal)
	c.Backend.Release()
	b.Answered(time.Millisecond)
	if _, again := p.Take(nil, netip.Addr{}, &tried); again {
		t.Error("the request is sent to the same port again")
	}
	b.Failed(refusal)
	if b.Ready() {
		t.Error("refused twice, and still in service")
	}
	b.accepted()
	if _, again := p.Take(nil, netip.Addr{}, &tried); !again || !b.Ready() {
		t.Errorf("once it accepts: ready %t, taken %t", b.Ready(), again)
	}
}
