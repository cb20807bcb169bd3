package balancer

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// draining is a service whose first task leaves, with its successor ready; sessions stay.
func draining() discovery.Service {
	return stayingService(task(1, as(discovery.Leaving)), task(2), task(1, named("t9"), at("10.0.0.9:80")))
}

func TestSessionsStayOnATaskThatDrains(t *testing.T) {
	for name, s := range map[string]*Set{
		"known before":            adopted(adopted(nil, stayingService(tasks(2)...)), draining()),
		"seen leaving at first":   adopted(nil, draining()),
		"without a health check":  adopted(nil, stayingService(task(1, as(discovery.Leaving), unchecked), task(2))),
		"withdrawn in the middle": adopted(adopted(nil, stayingService(tasks(2)...)), stayingService(task(1, as(discovery.Leaving), withdrawn), task(2))),
	} {
		p := s.Pool("shop")
		if id, c := take(p, pinTo(1)); id != "t1" || c.Why != Pinned || c.Repin {
			t.Errorf("%s: took %q (%s), repin %t", name, id, c.Why, c.Repin)
		}
		if !p.Alive(*pinTo(1)) {
			t.Errorf("%s: its pin does not count as alive", name)
		}
		for range 6 {
			if id, _ := take(p, nil); id == "t1" {
				t.Errorf("%s: a new session went there", name)
			}
		}
		if backendOf(t, p, "t1").Acquire() {
			t.Errorf("%s: Acquire gives it away", name)
		}
	}
	p := adopted(nil, stickyService(draining().Tasks...)).Pool("shop")
	if id, c := take(p, pinTo(1)); id != "t9" || !c.Repin {
		t.Errorf("where sessions move: took %q, repin %t", id, c.Repin)
	}
}

func TestASessionThatStayedMovesAtTheFirstRefusal(t *testing.T) {
	p := adopted(adopted(nil, stayingService(tasks(2)...)), draining()).Pool("shop")
	var tried Tried
	c, _ := p.Take(pinTo(1), netip.Addr{}, &tried)
	c.Backend.Failed(errDial)
	c.Backend.Release()
	if c, _ = p.Take(pinTo(1), netip.Addr{}, &tried); c.Backend.Task().ID != "t9" || !c.Repin {
		t.Errorf("took %q, repin %t", c.Backend.Task().ID, c.Repin)
	}
	c.Backend.Release()
	if id, _ := take(p, pinTo(1)); id != "t9" {
		t.Errorf("later: took %q", id)
	}
}

// A lost connection is no refusal: the request goes elsewhere, its session does not.
func TestASessionThatStayedDoesNotMoveForOneLostConnection(t *testing.T) {
	p := adopted(adopted(nil, stayingService(tasks(2)...)), draining()).Pool("shop")
	var tried Tried
	c, _ := p.Take(pinTo(1), netip.Addr{}, &tried)
	c.Backend.Broke()
	c.Backend.Release()
	if c, _ = p.Take(pinTo(1), netip.Addr{}, &tried); c.Backend.Task().ID != "t9" || c.Repin {
		t.Errorf("took %q, repin %t", c.Backend.Task().ID, c.Repin)
	}
	c.Backend.Release()
	if id, _ := take(p, pinTo(1)); id != "t1" {
		t.Errorf("the next request: took %q", id)
	}
}

func TestASessionMovesWhenTheTaskItStayedOnHasEnded(t *testing.T) {
	s := adopted(adopted(nil, stayingService(tasks(2)...)), draining())
	s = follow(s, discovery.Snapshot{Services: []discovery.Service{stayingService(draining().Tasks[1:]...)}, Ended: []string{"t1"}})
	if id, c := take(s.Pool("shop"), pinTo(1)); id != "t9" || !c.Repin {
		t.Errorf("took %q, repin %t", id, c.Repin)
	}
}

func TestATaskThatNeverRanKeepsNoSessions(t *testing.T) {
	s := adopted(nil, stayingService(task(1, as(discovery.Starting)), task(2)))
	s = adopted(s, stayingService(task(1, as(discovery.Leaving)), task(2)))
	if id, _ := take(s.Pool("shop"), pinTo(1)); id != "t2" {
		t.Errorf("took %q", id)
	}
}

func TestAWithdrawnTaskIsNotToldToGo(t *testing.T) {
	s := adopted(nil, stickyService(tasks(2)...))
	b := backendOf(t, s.Pool("shop"), "t1")
	s = adopted(s, stickyService(task(1, withdrawn), task(2)))
	if told(b) || b.Draining() || b.Ready() || b.Link().(*drains).Load() > 0 {
		t.Errorf("told %t, draining %t, ready %t", told(b), b.Draining(), b.Ready())
	}
	if got := statusOf(s); got != "[t1 withdrawn 1 0][t2 ready 1 0]" {
		t.Errorf("status is %s", got)
	}
	changed := s.Changed()
	adopted(s, stickyService(tasks(2)...))
	select {
	case <-changed:
	default:
		t.Error("those who hold are not told that it is back")
	}
	if !b.Ready() {
		t.Error("not ready again")
	}
}

// Who is told to go, or is killed with the task, would only come back to it.
func TestASessionThatStayedMovesBeforeItsTaskIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running := stayingService(task(1, stopping(time.Minute)), task(2))
		s := adopted(adopted(nil, running), stayingService(task(1, stopping(time.Minute), as(discovery.Leaving)), task(2),
			task(1, named("t9"), at("10.0.0.9:80"))))
		time.Sleep(time.Minute - departureMargin - time.Millisecond)
		if id, c := take(s.Pool("shop"), pinTo(1)); id != "t1" || c.Repin {
			t.Errorf("it goes to %q, with a new pin: %t", id, c.Repin)
		}
		time.Sleep(2 * time.Millisecond)
		if id, c := take(s.Pool("shop"), pinTo(1)); id != "t9" || !c.Repin {
			t.Errorf("then it goes to %q, with a new pin: %t", id, c.Repin)
		}
	})
}

// A name may lose an address before the listing that shows its task's successor has come.
func TestASessionOfAWithdrawnTaskGetsANewPinWhenItIsKnownWhereTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		successor := func(s discovery.State) discovery.Task { return task(1, named("u1"), at("10.0.1.1:80"), as(s)) }
		before := adopted(nil, stickyService(task(1), task(2), successor(discovery.Starting)))
		early := adopted(before, stickyService(task(1, withdrawn), task(2), successor(discovery.Starting)))
		if id, c := take(early.Pool("shop"), pinTo(1)); id != "t2" || c.Repin {
			t.Errorf("at first it goes to %q, with a new pin: %t", id, c.Repin)
		}
		whole := adopted(early, stickyService(task(1, as(discovery.Leaving), withdrawn), task(2), successor(discovery.Running)))
		if id, c := take(whole.Pool("shop"), pinTo(1)); id != "u1" || !c.Repin {
			t.Errorf("then it goes to %q, with a new pin: %t", id, c.Repin)
		}
	})
}

func TestASessionLeavesATaskThatStaysWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, stickyService(tasks(2)...))
		for range 2 { // what is said again begins no new time
			s = adopted(s, stickyService(task(1, withdrawn), task(2)))
			time.Sleep(agreeTime / 2)
		}
		if id, c := take(s.Pool("shop"), pinTo(1)); id != "t2" || !c.Repin {
			t.Errorf("it goes to %q, with a new pin: %t", id, c.Repin)
		}
	})
}

func TestTheLastReadyOneIsTheLastThoughAnotherIsWithdrawn(t *testing.T) {
	s := adopted(nil, stickyService(tasks(2)...))
	s = adopted(s, stickyService(task(1, withdrawn), task(2, as(discovery.Leaving))))
	if id, c := take(s.Pool("shop"), nil); id != "t2" {
		t.Errorf("took %q (%s)", id, c.Why)
	}
}

func TestAPinThatNobodyHereHasHeardOfIsReplacedOnlyAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := adopted(nil, stickyService(tasks(2)...)).Pool("shop")
		stranger := pinTo(1)
		stranger.Task = "t9"
		for _, wait := range []time.Duration{0, agreeTime - time.Millisecond} {
			time.Sleep(wait)
			if id, c := take(p, stranger); id != "t1" || c.Repin {
				t.Errorf("took %q, repin %t", id, c.Repin)
			}
		}
		time.Sleep(time.Millisecond)
		if _, c := take(p, stranger); !c.Repin {
			t.Error("it is never replaced")
		}
	})
}

func TestStrangersAreForgottenWhenTheyAreTooMany(t *testing.T) {
	var s strangers
	s.left("t1")
	for i := range maxStrangers {
		s.gone(string(rune(i)), 0)
	}
	if s.gone("t1", 0) || len(s.since) > maxStrangers {
		t.Errorf("it still knows %d", len(s.since))
	}
}
