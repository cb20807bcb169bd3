package balancer

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

var (
	errDial  = errors.New("refused")
	errProbe = errors.New("sick")
)

// drains counts the calls of Link.Drain, and notes one of Link.Abandon.
type drains struct {
	atomic.Int64
	abandoned atomic.Bool
}

func (d *drains) Drain()   { d.Add(1) }
func (d *drains) Abandon() { d.abandoned.Store(true) }

func testOptions() Options {
	return Options{Link: func(discovery.Task) Link { return new(drains) }}
}

// task is a healthy one in the slot n; its id is "t" and n.
func task(n int, edits ...func(*discovery.Task)) discovery.Task {
	t := discovery.Task{
		ID: fmt.Sprintf("t%d", n), Name: fmt.Sprintf("shop.%d", n), Slot: n,
		Seat: discovery.Seat(fmt.Sprint("shop.", n)), State: discovery.Running, Weight: 1, Checked: true,
		Address: discovery.Address{Scheme: "http", HostPort: fmt.Sprintf("10.0.0.%d:80", n)},
	}
	for _, edit := range edits {
		edit(&t)
	}
	return t
}

func tasks(n int) []discovery.Task {
	var ts []discovery.Task
	for i := range n {
		ts = append(ts, task(i+1))
	}
	return ts
}

func as(s discovery.State) func(*discovery.Task) { return func(t *discovery.Task) { t.State = s } }
func weighing(w int) func(*discovery.Task)       { return func(t *discovery.Task) { t.Weight = w } }
func named(id string) func(*discovery.Task)      { return func(t *discovery.Task) { t.ID = id } }
func at(hostPort string) func(*discovery.Task) {
	return func(t *discovery.Task) { t.Address.HostPort = hostPort }
}
func unchecked(t *discovery.Task) { t.Checked = false }
func stuck(t *discovery.Task)     { t.Stuck = "no suitable node" }
func withdrawn(t *discovery.Task) { t.Withdrawn = true }
func probed(t *discovery.Task)    { t.Probe = &discovery.Probe{Path: "/"} }

func service(ts ...discovery.Task) discovery.Service {
	return discovery.Service{Name: "shop", Strategy: discovery.WRR, Tasks: ts}
}

func stickyService(ts ...discovery.Task) discovery.Service {
	s := service(ts...)
	s.Sticky = &discovery.Cookie{Name: "c", Path: "/"}
	return s
}

// adopted is the Set of the services, in force.
func adopted(previous *Set, services ...discovery.Service) *Set {
	return follow(previous, discovery.Snapshot{Services: services})
}

// follow is the Set of a whole snapshot, in force.
func follow(previous *Set, snapshot discovery.Snapshot) *Set {
	s := Build(snapshot, previous, testOptions())
	s.Adopt(func() {})
	return s
}

// take takes for a new request and releases at once; "" is nothing.
func take(p *Pool, pin *discovery.Pin) (id string, c Choice) {
	c, ok := p.Take(pin, netip.Addr{}, new(Tried))
	if !ok {
		return "", c
	}
	c.Backend.Release()
	return c.Backend.Task().ID, c
}

func pinTo(n int) *discovery.Pin {
	t := task(n)
	return &discovery.Pin{Service: "shop", Seat: t.Seat, Task: t.ID, Session: discovery.Session{1, 2, byte(n)}}
}

func backendOf(t *testing.T, p *Pool, id string) *Backend {
	t.Helper()
	i, found := p.byTask[id]
	if !found {
		t.Fatalf("no backend of task %s", id)
	}
	return p.members[i].Backend
}
