package balancer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestSixNewSessionsSeeSixBackends(t *testing.T) {
	for _, strategy := range []discovery.Strategy{discovery.WRR, discovery.P2C, discovery.LeastTime} {
		synctest.Test(t, func(t *testing.T) {
			s := stickyService(tasks(6)...)
			s.Strategy = strategy
			p := adopted(nil, s).Pool("shop")
			for round := range 50 {
				if got := shares(p, 6); len(got) != 6 {
					t.Fatalf("%s, round %d: %v", strategy, round, got)
				}
				time.Sleep(700 * time.Millisecond)
			}
		})
	}
}

func TestNewSessionsGoByWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := adopted(nil, stickyService(task(1, weighing(30)), task(2, weighing(10)), task(3, weighing(0)))).Pool("shop")
		if got := shares(p, 400); got["t1"] < 295 || got["t1"] > 305 || got["t3"] != 0 {
			t.Errorf("shares are %v", got)
		}
	})
}

func TestAServiceThatWasScaledUpFillsWithoutFallingUponTheNewcomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, stickyService(tasks(5)...))
		shares(s.Pool("shop"), 5000)
		s = adopted(s, stickyService(tasks(6)...)) // the counts outlive the Set
		got := shares(s.Pool("shop"), 600)["t6"]
		if got < 130 || got > 260 { // its share is 100; a little less than the double is expected
			t.Errorf("the new one got %d of 600", got)
		}
		shares(s.Pool("shop"), 6000)
		if got := shares(s.Pool("shop"), 600)["t6"]; got < 95 || got > 105 {
			t.Errorf("when it has caught up it gets %d of 600", got)
		}
	})
}

func TestManyNewcomersShareWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, stickyService(tasks(1)...))
		shares(s.Pool("shop"), 100)
		got := shares(adopted(s, stickyService(tasks(6)...)).Pool("shop"), 60)
		if got["t1"] > 8 || len(got) < 6-1 {
			t.Errorf("shares are %v", got)
		}
	})
}

func TestWhatWasGivenIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := adopted(nil, stickyService(tasks(1)...)).Pool("shop")
		shares(p, 64)
		time.Sleep(3 * halfLife)
		if got := p.members[0].seat.sessions.read(p.hub.now()); got < 7.9 || got > 8.1 {
			t.Errorf("of 64 sessions %v count after three half-lives", got)
		}
		time.Sleep(time.Hour)
		if got := p.members[0].seat.sessions.read(p.hub.now()); got != 0 {
			t.Errorf("and %v after an hour", got)
		}
	})
}
