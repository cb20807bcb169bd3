package swarm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

func TestAListingIsFourCallsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		x := begin(t, f, Self{})
		pause(10 * time.Second)
		f.forget()
		edit(f, "tasks", f.full(t, "tasks", web1), func(t *swarm.Task) { t.DesiredState = swarm.TaskStateShutdown })
		pause(10 * time.Second)
		if got := x.state(t, web1); got != "leaving" {
			t.Fatalf("%s is %q, want leaving", web1, got)
		}
		var round []string
		for _, c := range append(f.made(""), request{path: "/tasks", filters: "desired-state"}) {
			if c.path == "/tasks" && strings.Contains(c.filters, "desired-state") { // begins a listing
				if len(round) > 4 {
					t.Fatalf("a listing of %d calls: %v", len(round), round)
				}
				round = nil
			}
			round = append(round, c.path)
			if strings.HasPrefix(c.path, "/containers") || strings.HasPrefix(c.path, "/images") {
				t.Errorf("asked for %s", c.path)
			}
		}
	})
}

func TestATaskThatDropsOutOfTheListIsLeavingUntilItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		x := begin(t, f, Self{})
		pause(2 * time.Second)
		id := f.full(t, "tasks", web1)
		if got := x.state(t, web1); got != "running" {
			t.Fatalf("%q, want running", got)
		}
		edit(f, "tasks", id, func(t *swarm.Task) { t.DesiredState = swarm.TaskStateShutdown })
		pause(time.Second)
		if got := x.state(t, web1); got != "leaving" {
			t.Errorf("told to shut down: %q, want leaving", got)
		}
		pause(time.Minute)
		if got := x.state(t, web1); got != "leaving" {
			t.Errorf("a minute later: %q, want leaving", got)
		}
		edit(f, "tasks", id, func(t *swarm.Task) { t.Status.State = swarm.TaskStateShutdown })
		pause(time.Second)
		if got := x.state(t, web1); got != "" {
			t.Errorf("after its end: %q, want it gone", got)
		}
	})
}

func TestTasksThatWereLeavingAtStartAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := begin(t, newFake(t, "update"), Self{})
		pause(time.Second)
		got := map[string]string{}
		for _, id := range []string{web1, web2, next1, "fzu1"} {
			got[id] = x.state(t, id)
		}
		if want := map[string]string{web1: "leaving", web2: "running", next1: "running", "fzu1": "starting"}; !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestAProcessOutsideTheClusterIsToldThatItCannotReachTheTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := begin(t, newFake(t, "steady"), Self{})
		pause(time.Second)
		if p := x.latest(t).Problems; !slices.Contains(p, outsideProblem) {
			t.Errorf("problems: %v", p)
		}
	})
}

func TestTheVersionIsNegotiatedAgainWhenTheEngineWasUpgraded(t *testing.T) {
	for _, c := range []struct{ from, min, max string }{
		{"1.41", "1.44", "1.51"}, // the new engine refuses the old version
		{"1.51", "1.24", "1.41"}, // and the other way round
		{"1.41", "1.24", "1.47"}, // works as it was; negotiated since the event stream broke
	} {
		t.Run(c.from+" to "+c.max, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, "steady")
				f.max = c.from
				begin(t, f, Self{})
				pause(5 * time.Second)
				f.set(func() { f.min, f.max = c.min, c.max })
				f.cutStreams()
				pause(20 * time.Second)
				f.forget()
				pause(2 * time.Second)
				for _, r := range f.made("") {
					if r.version != c.max {
						t.Errorf("%s with version %s, want %s", r.path, r.version, c.max)
					}
				}
				if len(f.made("/services")) == 0 {
					t.Error("no listing")
				}
			})
		})
	}
}

func TestACutEventStreamIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		x := begin(t, f, Self{})
		for range 5 {
			pause(20 * time.Second)
			f.cutStreams()
		}
		pause(20*time.Second + 300*time.Millisecond)
		if n := len(f.made("/events")); n != 6 {
			t.Errorf("%d streams were opened, want 6", n)
		}
		f.forget()
		at := time.Now()
		f.event()
		pause(100 * time.Millisecond)
		if made := f.made("/services"); len(made) != 1 || made[0].at != at {
			t.Errorf("an event on the new stream: %v", made)
		}
		if lines := x.log.lines(); lines[0] != "" {
			t.Errorf("said %v", lines)
		}
	})
}

func TestAStreamOfEventsThatDiedWithoutAWordIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		begin(t, f, Self{})
		pause(10 * time.Second)
		f.set(func() { clear(f.streams) }) // nothing reaches the one that is open
		pause(quiet)
		f.forget()
		f.event()
		pause(afterEvent)
		if n := len(f.made("/services")); n < 9 {
			t.Errorf("%d listings in the 2 s after an event: it was not heard", n)
		}
	})
}

func TestRefusedCallsOfASocketProxyAreProblemsNotOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		f.instead = func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != "/events" && path != "/info" {
				return false
			}
			http.Error(w, "<h1>403 Forbidden</h1>", http.StatusForbidden)
			return true
		}
		x := begin(t, f, Self{})
		pause(5 * time.Second)
		if p := x.latest(t).Problems; !slices.Contains(p, deafProblem) || !slices.Contains(p, blindProblem) {
			t.Errorf("problems %v", p)
		}
		f.forget()
		pause(60 * time.Second)
		if n := len(f.made("/services")); n < 59 {
			t.Errorf("%d listings in a minute", n)
		}
		f.set(func() { f.instead = nil })
		pause(30 * time.Second)
		f.event()
		pause(2 * time.Second)
		if p := x.latest(t).Problems; slices.Contains(p, deafProblem) {
			t.Errorf("problems when the cure was taken: %v", p)
		}
	})
}

func TestTheProxyKnowsWhenItsOwnTaskIsToldToStop(t *testing.T) {
	for _, desired := range []swarm.TaskState{swarm.TaskStateShutdown, swarm.TaskStateRemove, ""} { // "": gone altogether
		t.Run("desired "+string(desired), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, "steady")
				x := begin(t, f, Self{Containers: []string{f.container(t, "fleax")[:12]}})
				pause(5 * time.Second)
				if p := x.latest(t).Problems; x.latest(t).Leaving || slices.Contains(p, outsideProblem) {
					t.Fatalf("leaving %v, problems %v", x.latest(t).Leaving, p)
				}
				if desired == "" {
					remove(f, "tasks", f.full(t, "tasks", "fleax"))
				} else {
					edit(f, "tasks", f.full(t, "tasks", "fleax"), func(t *swarm.Task) { t.DesiredState = desired })
				}
				pause(time.Second)
				if !x.latest(t).Leaving {
					t.Error("its own task is to stop, and it does not know")
				}
			})
		})
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Endpoint: "docker.sock"},
		{Interval: 2 * time.Second},
		{Interval: -1},
		{UpdateInterval: time.Minute},
	} {
		if _, err := New(o); err == nil || !strings.HasPrefix(err.Error(), "swarm ") {
			t.Errorf("%s: %v", fmt.Sprint(o.Endpoint, o.Interval, o.UpdateInterval), err)
		}
	}
}
