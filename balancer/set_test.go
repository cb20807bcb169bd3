package balancer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestABackendSurvivesEveryUnrelatedChange(t *testing.T) {
	s := adopted(nil, service(tasks(2)...))
	b := backendOf(t, s.Pool("shop"), "t1")
	b.Acquire()
	b.Failed(errDial)
	b.Answered(time.Second)
	changed := task(1, weighing(5), probed)
	other := service(task(1))
	other.Name = "admin"
	s = adopted(s, other, service(changed, task(3)))
	for _, name := range []string{"shop", "admin"} {
		if got := backendOf(t, s.Pool(name), "t1"); got != b {
			t.Errorf("%s has another backend", name)
		}
	}
	if b.InFlight() != 1 || !b.Ready() || b.Draining() || b.Link().(*drains).Load() != 0 {
		t.Errorf("in flight %d, ready %t, draining %t", b.InFlight(), b.Ready(), b.Draining())
	}
}

func TestOnlyTheTasksOwnDepartureDrains(t *testing.T) {
	for _, c := range []struct {
		name   string
		after  []discovery.Task
		ended  []string
		drains bool
		closed bool // its idle connections
	}{
		{"nothing", tasks(2), nil, false, false},
		{"leaving", []discovery.Task{task(1, as(discovery.Leaving)), task(2)}, nil, true, true},
		{"ended", []discovery.Task{task(2)}, []string{"t0", "t1"}, true, true},
		{"off the routes", []discovery.Task{task(2)}, []string{"t0"}, false, true},
		{"another port", []discovery.Task{task(1, at("10.0.0.1:9000")), task(2)}, nil, false, true},
		{"no address any more", []discovery.Task{task(1, at("")), task(2)}, nil, false, true},
		{"weight 0", []discovery.Task{task(1, weighing(0)), task(2)}, nil, false, false},
		{"said to start again", []discovery.Task{task(1, as(discovery.Starting)), task(2)}, nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := adopted(nil, service(tasks(2)...))
			b := backendOf(t, before.Pool("shop"), "t1")
			s := Build(discovery.Snapshot{Services: []discovery.Service{service(c.after...)}, Ended: c.ended}, before, testOptions())
			if b.Draining() || b.Link().(*drains).Load() > 0 {
				t.Fatal("to build the next Set was enough")
			}
			changed := before.Changed()
			s.Adopt(func() {})
			if got := b.Draining(); got != c.drains {
				t.Errorf("draining: %t", got)
			}
			if got := b.Link().(*drains).Load() > 0; got != c.closed {
				t.Errorf("idle connections closed: %t", got)
			}
			if got := b.Link().(*drains).abandoned.Load(); got != (c.name == "ended") {
				t.Errorf("abandoned: %t", got)
			}
			if got := told(b); got != c.drains {
				t.Errorf("its streams are told to go: %t", got)
			}
			if got := b.Acquire(); got == c.drains {
				t.Errorf("takes requests: %t", got)
			}
			select {
			case <-changed:
			default:
				t.Error("those who hold are not told")
			}
		})
	}
}

func TestADrainIsNeverUndone(t *testing.T) {
	s := adopted(nil, service(tasks(1)...))
	s = adopted(s, service(task(1, as(discovery.Leaving))))
	s = adopted(s, service(tasks(1)...))
	if b := backendOf(t, s.Pool("shop"), "t1"); b.Ready() || b.Acquire() {
		t.Error("it takes requests again")
	}
}

func TestATaskThatStartsBecomesReadyWhenItRuns(t *testing.T) {
	s := adopted(nil, service(task(1, as(discovery.Starting))))
	b := backendOf(t, s.Pool("shop"), "t1")
	if b.Ready() {
		t.Fatal("ready before it runs")
	}
	s = Build(discovery.Snapshot{Services: []discovery.Service{service(tasks(1)...)}}, s, testOptions())
	if b.Ready() {
		t.Error("ready before the Set is in force")
	}
	s.Adopt(func() {})
	if !b.Ready() || backendOf(t, s.Pool("shop"), "t1") != b {
		t.Error("not ready, or another one")
	}
}

func TestAProbeThatIsAddedTakesNobodyOutOfService(t *testing.T) {
	s := adopted(nil, service(task(1, unchecked)))
	b := backendOf(t, s.Pool("shop"), "t1")
	b.accepted()
	s = adopted(s, service(task(1, unchecked, probed)))
	if !b.Ready() {
		t.Error("not ready before the probe has run")
	}
	b.judge(failing, errProbe)
	adopted(s, service(task(1, unchecked)))
	if !b.Ready() {
		t.Error("not ready though the failing probe is gone")
	}
}

func TestStatusShowsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := append(tasks(2), task(3, unchecked), task(4, as(discovery.Starting)), task(5, as(discovery.Leaving)), task(6, probed), task(7, weighing(9)))
		s := adopted(nil, service(list...))
		p := s.Pool("shop")
		ejected(backendOf(t, p, "t2"))
		backendOf(t, p, "t6").judge(failing, errProbe)
		b := backendOf(t, p, "t7")
		b.Acquire()
		want := "[t1 ready 1 0][t2 ejected 1 0][t3 unproven 1 0][t4 starting 1 0][t5 draining 1 0][t6 failing 1 0][t7 ready 9 1]"
		if got := statusOf(s); got != want {
			t.Errorf("status is %s\nwant      %s", got, want)
		}
		if st := s.Status()[0]; st.Service != "shop" || st.Ready != 2 || p.Ready() != 2 {
			t.Errorf("%s has %d ready", st.Service, st.Ready)
		}
		s = follow(s, discovery.Snapshot{Services: []discovery.Service{service(tasks(1)...)}, Ended: []string{"t7"}})
		if got := statusOf(s); got != "[t1 ready 1 0][t7 draining 0 1]" {
			t.Errorf("with a request under way at a task that is gone: %s", got)
		}
		s = adopted(s, service(tasks(1)...))
		time.Sleep(defaultStopGrace + backstopMargin + time.Second)
		if got := statusOf(s); got != "[t1 ready 1 0][t7 draining 0 1]" {
			t.Errorf("in the Set after that: %s", got)
		}
		s = adopted(s, service(tasks(1)...))
		if got := statusOf(s); got != "[t1 ready 1 0]" {
			t.Errorf("after the backstop: %s", got)
		}
		relabelled := backendOf(t, s.Pool("shop"), "t1")
		relabelled.Acquire()
		s = adopted(s, service(task(1, at("10.0.0.1:9000"))))
		if got := statusOf(s); got != "[t1 ready 1 0][t1 draining 0 1]" {
			t.Errorf("with a request under way at the port of before: %s", got)
		}
		b.Release()
		if b.InFlight() != 0 {
			t.Error("a forgotten backend does not count on")
		}
	})
}

func statusOf(s *Set) (all string) {
	for _, b := range s.Status()[0].Backends {
		all += fmt.Sprintf("[%s %s %d %d]", b.Task.ID, b.State, b.Weight, b.InFlight)
	}
	return all
}

// meddler is the link of a backend; it calls meddle the moment that the drain begins.
type meddler struct{ meddle func() }

func (m meddler) Drain() { m.meddle() }
func (meddler) Abandon() {}

func TestASessionFindsItsSeatsNextTaskAtEveryMomentOfAnAdoption(t *testing.T) {
	const seats = 8
	var before, leaving, next []discovery.Task
	var ended []string
	for n := range seats {
		successor := func(state discovery.State) discovery.Task {
			return task(n, named(fmt.Sprint("u", n)), at(fmt.Sprintf("10.0.1.%d:80", n)), as(state))
		}
		before = append(before, task(n), successor(discovery.Starting))
		leaving = append(leaving, task(n, as(discovery.Leaving)), successor(discovery.Running))
		next = append(next, successor(discovery.Running))
		ended = append(ended, task(n).ID)
	}
	for name, snapshot := range map[string]discovery.Snapshot{
		"start-first": {Services: []discovery.Service{stickyService(leaving...)}},
		"seen late":   {Services: []discovery.Service{stickyService(next...)}, Ended: ended},
	} {
		t.Run(name, func(t *testing.T) {
			var current *Set
			looks := 0
			look := func() {
				looks++
				for n := range seats {
					if id, c := take(current.Pool("shop"), pinTo(n)); c.Why != Pinned && c.Why != Seated {
						t.Errorf("look %d: the session of seat %d came to %q, by %s", looks, n, id, c.Why)
					}
				}
			}
			o := Options{Link: func(discovery.Task) Link { return meddler{look} }}
			for _, s := range []discovery.Snapshot{{Services: []discovery.Service{stickyService(before...)}}, snapshot} {
				set := Build(s, current, o)
				set.Adopt(func() { current = set; look() })
			}
			if looks < 2+seats {
				t.Errorf("looked %d times", looks)
			}
		})
	}
}
