package e2e

import (
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

// A trial is one event that befell a stack under load, and what became of the load.
type trial struct {
	*testing.T
	s             *stack
	before, after map[string]task // the running tasks, by container
	from, to      time.Time       // of the event
	lives         []life
	report        load.Report
	log           map[string]line // the proxy's, by the id of the request
	arrivals      map[string][]arrival
	stops         map[string]time.Time // SIGTERM as the app got it, by container
}

// underLoad lets something happen to the stack while 20 clients with cookies work, and two without: once
// each replica has served, until a moment after all is quiet again.
func underLoad(t *testing.T, s *stack, event func()) *trial {
	t.Helper()
	x := &trial{T: t, s: s, before: byContainer(s.running(t))}
	if len(x.before) != replicas {
		t.Fatalf("%d tasks run before the event, want %d", len(x.before), replicas)
	}
	w := startWatch(t, s.engine, s.app)
	o := load.Options{URL: s.url, Clients: 20, Passers: 2, Pause: 60 * time.Millisecond}
	if s.journal != "" {
		o.Echo, o.Work = true, 200*time.Millisecond // a replica that dies has requests to lose
	}
	begun := time.Now()
	run := load.Start(t.Context(), o)
	defer run.Stop()
	eventually(t, "every replica serves", 30*time.Second, func() bool {
		r := run.Report()
		return serveAll(x.before, r) && len(r.Records) > 200
	})
	x.from = time.Now()
	event()
	eventually(t, "all replicas run", time.Minute, func() bool { return len(s.running(t)) == replicas })
	x.to = time.Now()
	time.Sleep(time.Second) // the load goes on: what ended badly shows after the end, too
	x.after = byContainer(s.running(t))
	x.report = run.Stop()
	x.lives = w.stop(t)
	x.log = readLog(t, s, begun)
	x.arrivals, x.stops = x.readJournals(begun)
	x.summary()
	return x
}

func byContainer(tasks []task) map[string]task {
	m := map[string]task{}
	for _, k := range tasks {
		m[k.container()] = k
	}
	return m
}

func serveAll(tasks map[string]task, r load.Report) bool {
	served := r.Served()
	for c := range tasks {
		if served[c] == 0 {
			return false
		}
	}
	return true
}

// metTheEvent makes sure that the load could have shown a loss: every old replica had served
// before, and there was no second of the event without requests.
func (x *trial) metTheEvent() {
	x.Helper()
	if !serveAll(x.before, x.report.Between(time.Time{}, x.from)) {
		x.Error("not every replica had served before the event")
	}
	for at := x.from; at.Before(x.to.Add(-time.Second)); at = at.Add(time.Second) {
		if n := len(x.report.Between(at, at.Add(time.Second)).Records); n < 10 {
			x.Errorf("only %d requests in the second from %s after the event's begin", n, at.Sub(x.from))
		}
	}
}

// lostNothing: no request failed, and the load would have shown it.
func (x *trial) lostNothing() {
	x.Helper()
	x.metTheEvent()
	for i, r := range x.report.Failed() {
		if i == 20 {
			x.Error("… and more")
			break
		}
		x.Errorf("failed: %v; the proxy's log: %+v", r, x.log[r.ID])
	}
}

// kept counts the replicas of before that run after.
func (x *trial) kept() (n int) {
	for c, k := range x.before {
		if x.after[c].ID == k.ID {
			n++
		}
	}
	return n
}

// keeps: so many of the replicas are the same as before the event, and the new ones serve.
func (x *trial) keeps(n int) {
	x.Helper()
	if x.kept() != n {
		x.Errorf("%d replicas are the same as before, want %d", x.kept(), n)
	}
}

// newcomersServed: the load had answers of every replica that is new.
func (x *trial) newcomersServed() {
	x.Helper()
	if !serveAll(x.after, x.report) {
		x.Errorf("not every new replica has served: %v of %v", x.report.Served(), x.after)
	}
}

// movedAsNeeded: sessions whose container is gone moved once, all others stayed.
func (x *trial) movedAsNeeded() {
	x.Helper()
	homes := x.report.Homes(x.from)
	for client, moves := range x.report.Moves() {
		want := 0
		if home := homes[client]; x.after[home].ID == "" {
			want = 1
		}
		if moves != want {
			x.Errorf("client %d, at home on %s, moved %d times, want %d", client, homes[client], moves, want)
		}
	}
}

// noneAfterStop: no replica was given a request after its SIGTERM, as the engine's and the
// replica's own clock tell it.
func (x *trial) noneAfterStop() {
	x.Helper()
	stopped := 0
	for _, l := range x.lives {
		if l.stopped.IsZero() {
			continue
		}
		stopped++
		for _, r := range x.report.Records {
			if r.By == l.container() && r.Start.After(l.stopped) {
				x.Errorf("%s got SIGTERM at %s and a request later: %v", r.By, l.stopped.Format(time.StampMilli), r)
			}
		}
	}
	if gone := len(x.before) - x.kept(); stopped < gone {
		x.Errorf("%d replicas are gone, but only %d SIGTERMs were seen", gone, stopped)
	}
	for c, at := range x.stops {
		for _, a := range x.arrivals[c] {
			if a.at.After(at) {
				x.Errorf("%s got SIGTERM at %s and request %s %s later", c, at.Format(time.StampMilli), a.id, a.at.Sub(at))
			}
		}
	}
	for _, l := range x.log {
		if l.Retries > 0 {
			x.Errorf("the proxy asked %d replicas in vain for %+v", l.Retries, l)
		}
	}
}
