package swarm

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

func TestQuietTimesAreListedEachSecondAndAppliedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		x := begin(t, f, Self{})
		pause(5 * time.Second)
		f.forget()
		pause(20 * time.Second)
		if n := len(f.made("/services")); n < 19 || n > 21 {
			t.Errorf("%d listings in 20 s", n)
		}
		if x.looked != 1 {
			t.Errorf("converted %d times, want once", x.looked)
		}
		// A change that says nothing new is no new snapshot.
		edit(f, "nodes", f.full(t, "nodes", "1lix"), func(n *swarm.Node) { n.Spec.Role = "worker" })
		pause(2 * time.Second)
		if n := x.count(); n != 1 {
			t.Errorf("applied %d times, want once", n)
		}
		if age := time.Since(x.Status().Seen); age > time.Second || x.Status().Err != nil {
			t.Errorf("status is %v old, %v", age, x.Status().Err)
		}
	})
}

func TestAnEventIsFollowedByAListingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		begin(t, f, Self{})
		pause(10*time.Second + 500*time.Millisecond)
		f.forget()
		at := time.Now()
		f.event()
		pause(10 * time.Second)
		var after []time.Duration
		for _, c := range f.made("/services") {
			after = append(after, c.at.Sub(at))
		}
		// At once, then each 200 ms for two seconds, then each second.
		if after[0] > 0 || after[1] != 200*time.Millisecond || len(after) < 17 || len(after) > 20 {
			t.Errorf("listings after the event: %v", after)
		}
	})
}

func TestAStormOfEventsIsNoStormOfListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		begin(t, f, Self{})
		pause(10 * time.Second)
		f.forget()
		for range 500 {
			f.event()
			pause(10 * time.Millisecond)
		}
		if n := len(f.made("/services")); n > 27 || n < 24 {
			t.Errorf("%d listings in 5 s, want one each 200 ms", n)
		}
	})
}

func TestAnUpdateIsFollowedQuicklyForAMinuteAfterItsLastChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "update") // says "updating" for ever
		begin(t, f, Self{})
		pause(30 * time.Second)
		f.forget()
		pause(10 * time.Second)
		if n := len(f.made("/services")); n < 49 || n > 51 {
			t.Errorf("%d listings in 10 s of an update, want 50", n)
		}
		pause(30 * time.Second)
		f.forget()
		pause(10 * time.Second)
		if n := len(f.made("/services")); n < 9 || n > 11 {
			t.Errorf("%d listings in 10 s of an update that hangs, want 10", n)
		}
		edit(f, "tasks", f.full(t, "tasks", next1), func(t *swarm.Task) { t.Status.Message = "moved" })
		pause(5 * time.Second)
		f.forget()
		pause(10 * time.Second)
		if n := len(f.made("/services")); n < 49 || n > 51 {
			t.Errorf("%d listings in 10 s after it moved again, want 50", n)
		}
	})
}

func TestListingsThatTakeTooLongAreAProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		slow := func(d time.Duration) {
			f.set(func() {
				f.instead = func(_ http.ResponseWriter, r *http.Request, path string) bool {
					if path == "/services" {
						select {
						case <-time.After(d):
						case <-r.Context().Done():
						}
					}
					return false
				}
			})
		}
		x := begin(t, f, Self{})
		problem := func() (found bool) {
			for _, p := range x.latest(t).Problems {
				found = found || p.Subject == "engine" && strings.Contains(p.Wrong, "a fifth of the interval") && strings.Contains(p.Cure, "CPU")
			}
			return found
		}
		pause(5 * time.Second)
		if problem() {
			t.Fatal("a quick listing is a problem")
		}
		slow(300 * time.Millisecond)
		pause(5 * time.Second)
		if problem() {
			t.Error("a busy moment is a problem")
		}
		pause(10 * time.Second)
		if !problem() {
			t.Error("slow listings are no problem")
		}
		n := x.count()
		slow(150 * time.Millisecond) // less than a fifth, more than half of it: neither here nor there
		pause(60 * time.Second)
		if !problem() || x.count() != n {
			t.Errorf("the problem flaps: %v, applied %d times more", problem(), x.count()-n)
		}
		slow(10 * time.Millisecond)
		pause(30 * time.Second)
		if !problem() {
			t.Error("a quiet moment cures the problem")
		}
		pause(90 * time.Second)
		if problem() {
			t.Error("the problem stays though listing is quick again")
		}
	})
}

func TestTheEngineRestsAsLongAsItWorkedWithinTheLongestInterval(t *testing.T) {
	started := time.Now()
	for took, want := range map[time.Duration]time.Duration{
		10 * time.Millisecond:  time.Second,
		600 * time.Millisecond: 1200 * time.Millisecond,
		3 * time.Second:        longestInterval,
	} {
		p := pace{interval: time.Second, update: 200 * time.Millisecond, took: took}
		if got := p.due(started).Sub(started); got != want {
			t.Errorf("a listing that took %v: the next after %v, want %v", took, got, want)
		}
	}
}
