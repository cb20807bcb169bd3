package balancer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// rig is Checks with a port and a health that tests set, and a record of what happened.
type rig struct {
	*Checks
	mu     sync.Mutex
	began  time.Time
	closed bool // the port
	sick   bool
	dials  []time.Duration
	probes []time.Duration
	events []string
}

func (r *rig) set(edit func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	edit()
}

// run starts a rig on a Set within synctest; it ends with the test.
func run(t *testing.T, s *Set, edit func(*rig)) *rig {
	r := &rig{began: time.Now()}
	edit(r)
	since := func() time.Duration { return time.Since(r.began).Round(time.Millisecond) }
	probe := func(_ context.Context, task discovery.Task) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.probes = append(r.probes, since())
		if r.sick {
			return errors.New("sick " + task.Probe.Path)
		}
		return nil
	}
	dial := func(context.Context, discovery.Address) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dials = append(r.dials, since())
		if r.closed {
			return errors.New("refused")
		}
		return nil
	}
	r.Checks = NewChecks(probe, dial, func(b *Backend, e Event, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, fmt.Sprint(b.Task().ID, " ", e, " ", err))
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	r.Watch(s)
	synctest.Wait()
	return r
}

func (r *rig) told(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(r.events, "; "); got != strings.Join(want, "; ") {
		t.Errorf("reported %q, want %q", got, want)
	}
	r.events = nil
}

// pass lets the time d pass, and what is due in it happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// near reports whether times follow one another at about these distances.
func near(times []time.Duration, distances ...time.Duration) bool {
	if len(times) < len(distances)+1 {
		return false
	}
	for i, d := range distances {
		if gap := times[i+1] - times[i]; gap < d*9/10-time.Millisecond || gap > d*11/10+time.Millisecond {
			return false
		}
	}
	return true
}

func TestATaskWithoutHealthcheckIsReadyOnceItsPortAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, service(task(1, unchecked)))
		b := backendOf(t, s.Pool("shop"), "t1")
		r := run(t, s, func(r *rig) { r.closed = true })
		pass(20 * time.Second)
		ms := time.Millisecond
		if !near(r.dials, 250*ms, 500*ms, bootPause, bootPause) || r.dials[0] != 0 {
			t.Errorf("dialled at %v", r.dials)
		}
		if b.Ready() {
			t.Error("ready with its port closed")
		}
		changed := s.Changed()
		r.set(func() { r.closed = false })
		<-changed
		synctest.Wait()
		if !b.Ready() {
			t.Error("not ready with its port open")
		}
		n := len(r.dials)
		pass(time.Hour)
		if len(r.dials) != n {
			t.Error("dialled without doubt")
		}
		r.told(t)
	})
}

func TestATaskIsNotDialledBeforeItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, service(task(1, unchecked, as(discovery.Starting))))
		r := run(t, s, func(*rig) {})
		pass(time.Minute)
		if len(r.dials) > 0 {
			t.Error("dialled while it starts")
		}
		s = adopted(s, service(task(1, unchecked)))
		r.Watch(s)
		synctest.Wait()
		if len(r.dials) != 1 || !backendOf(t, s.Pool("shop"), "t1").Ready() {
			t.Errorf("dialled at %v", r.dials)
		}
	})
}

func TestABackendWhoseDialsFailIsEjectedAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, service(task(1)))
		b := backendOf(t, s.Pool("shop"), "t1")
		r := run(t, s, func(r *rig) { r.closed = true })
		b.Failed(errDial)
		if !b.Ready() {
			t.Error("one failed dial ejects")
		}
		b.Failed(errDial)
		if b.Ready() {
			t.Error("two failed dials in a row do not eject")
		}
		pass(60 * time.Second)
		ms := time.Millisecond
		if !near(r.dials, 500*ms, 1000*ms, 2000*ms, 4000*ms, lastPause, lastPause) || r.dials[0] < 225*ms || r.dials[0] > 275*ms {
			t.Errorf("dialled at %v", r.dials)
		}
		r.told(t, "t1 ejected "+errDial.Error())
		r.set(func() { r.closed = false })
		pass(lastPause * 2)
		if !b.Ready() {
			t.Error("not back")
		}
		r.told(t, "t1 readmitted <nil>")
	})
}

func TestASingleFailureIsLookedInto(t *testing.T) {
	dial := func(b *Backend) { b.Failed(errDial) }
	for _, c := range []struct {
		name   string
		fail   func(*Backend)
		closed bool
		dials  int
	}{
		{"dial, port open", dial, false, 1},
		{"dial, port closed", dial, true, 1},
		{"connection, port open", (*Backend).Broke, false, 1},
		{"connection, port closed", (*Backend).Broke, true, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := adopted(nil, service(task(1)))
			b := backendOf(t, s.Pool("shop"), "t1")
			r := run(t, s, func(r *rig) { r.closed = c.closed })
			c.fail(b)
			pass(400 * time.Millisecond)
			if c.dials == 2 && !b.Ready() {
				t.Errorf("%s: one failed dial ejects", c.name)
			}
			pass(450 * time.Millisecond)
			if b.Ready() == c.closed || !c.closed && len(r.dials) != 1 || len(r.dials) < c.dials {
				t.Errorf("%s: ready %t after dials at %v", c.name, b.Ready(), r.dials)
			}
		})
	}
}

func TestAnAnswerBringsAnEjectedBackendBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, service(task(1)))
		b := backendOf(t, s.Pool("shop"), "t1")
		r := run(t, s, func(r *rig) { r.closed = true })
		ejected(b)
		pass(time.Second)
		b.Answered(time.Millisecond)
		if !b.Ready() {
			t.Error("not ready")
		}
		pass(2 * lastPause)
		r.told(t, "t1 ejected "+errDial.Error(), "t1 readmitted <nil>")
	})
}

func TestProbesRunAtTheirIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		with := func(path string) func(*discovery.Task) {
			return func(t *discovery.Task) {
				t.Probe = &discovery.Probe{Path: path, Interval: 10 * time.Second, UnhealthyInterval: 3 * time.Second}
			}
		}
		s := adopted(nil, service(task(1, with("/a"))))
		b := backendOf(t, s.Pool("shop"), "t1")
		r := run(t, s, func(*rig) {})
		pass(25 * time.Second)
		if !near(r.probes, 10*time.Second, 10*time.Second) || r.probes[0] != 0 {
			t.Errorf("probed at %v", r.probes)
		}
		r.set(func() { r.sick, r.probes = true, nil })
		pass(20 * time.Second)
		if !near(r.probes, 3*time.Second, 3*time.Second) || b.Ready() {
			t.Errorf("sick, it was probed at %v; ready: %t", r.probes, b.Ready())
		}
		r.told(t, "t1 probe failed sick /a")

		n := len(r.probes)
		s = adopted(s, service(task(1, with("/a"), weighing(7))))
		r.Watch(s)
		synctest.Wait()
		if len(r.probes) != n {
			t.Error("an unrelated change probed anew")
		}
		s = adopted(s, service(task(1, with("/b"))))
		r.set(func() { r.sick = false })
		r.Watch(s)
		synctest.Wait()
		if len(r.probes) != n+1 || !b.Ready() {
			t.Error("a changed probe does not run at once")
		}
		r.told(t, "t1 probe recovered <nil>")

		r.Watch(adopted(s, service(task(1, with("/b"), as(discovery.Leaving)))))
		synctest.Wait()
		n = len(r.probes)
		pass(time.Hour)
		if len(r.probes) != n {
			t.Error("a draining backend is probed")
		}
	})
}

func TestATaskThatBootsIsProbedMoreOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, service(task(1, unchecked, probed)))
		b := backendOf(t, s.Pool("shop"), "t1")
		r := run(t, s, func(r *rig) { r.sick, r.closed = true, true })
		pass(10 * time.Second)
		if ms := time.Millisecond; !near(r.probes, 250*ms, 500*ms, 1000*ms, 2000*ms, 4000*ms) {
			t.Errorf("probed at %v", r.probes)
		}
		r.told(t) // as long as its port is closed nothing is wrong
		r.set(func() { r.sick, r.closed = false, false })
		pass(lastPause * 2)
		if !b.Ready() {
			t.Error("not ready")
		}
		r.told(t)
	})
}

func TestAProbeMayNotTakeLongerThanItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, service(task(1, probed)))
		hang := func(ctx context.Context, _ discovery.Task) error { <-ctx.Done(); return context.Cause(ctx) }
		var events []string
		c := NewChecks(hang, nil, func(_ *Backend, e Event, err error) { events = append(events, fmt.Sprint(e, " ", err)) })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		c.Watch(s)
		time.Sleep(probeTimeout + time.Millisecond)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(events) != 1 || events[0] != "probe failed context deadline exceeded" {
			t.Errorf("reported %q", events)
		}
	})
}
