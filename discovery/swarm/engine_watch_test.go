package swarm

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

const controlSocket = "/var/run/docker/swarm/control.sock"

func TestAWatchShowsARealSwarmAsAListingDoes(t *testing.T) {
	api := onEngine(t)
	name := fmt.Sprintf("swsame%d", time.Now().UnixNano()%1e6)
	importApp(t, api, "app", name+":1")
	grace := 7 * time.Second
	id := deploy(t, api, name, overlay(t, api, name), func(s *swarm.ServiceSpec) {
		c := s.TaskTemplate.ContainerSpec
		c.Env, c.Dir, c.Labels, c.StopGracePeriod = []string{"B=2", "A=1"}, "/", map[string]string{"x": "y"}, &grace
	})
	change(t, api, id, func(s *swarm.ServiceSpec) { s.TaskTemplate.ForceUpdate++ })
	eventually(t, "both tasks are of the second generation", func() bool {
		tasks := running(t, api, id)
		return len(tasks) == 2 && tasks[0].Spec.ForceUpdate == 1 && tasks[1].Spec.ForceUpdate == 1
	})
	w := newWatch(controlSocket, zerolog.Nop())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx) }()
	defer func() { cancel(); <-done }()
	eventually(t, "the watch is live", func() bool { return w.listing() != nil })
	e, err := connect(Options{Endpoint: defaultEndpoint})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	eventually(t, "what is watched reads as what is listed", func() bool {
		m := newMemory()
		l, err := e.list(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		e.listed = false
		watched := newMemory()
		tasks, same := m.learn(l), watched.learn(*w.listing())
		m.own.find(tasks, func() Self { return Self{} })
		watched.own.find(same, func() Self { return Self{} })
		return reflect.DeepEqual(m.read(view{listing: l, tasks: tasks}), watched.read(view{listing: *w.listing(), tasks: same})) &&
			reflect.DeepEqual(m.generations.prints, watched.generations.prints) && len(m.generations.prints) >= 2
	})
}

// relay passes a socket on, and can be cut or plugged up.
type relay struct {
	path string
	to   string

	mu     sync.Mutex
	conns  []net.Conn
	plug   bool // passes nothing on
	refuse bool
}

func newRelay(t *testing.T, to string) *relay {
	r := &relay{path: filepath.Join(t.TempDir(), "relay.sock"), to: to}
	l, err := net.Listen("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { r.pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.cut(true)
		conns.Wait()
	})
	return r
}

func (r *relay) pass(c net.Conn) {
	defer c.Close()
	far, err := net.Dial("unix", r.to)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	refuse := r.refuse
	r.conns = append(r.conns, c, far)
	r.mu.Unlock()
	if refuse {
		return
	}
	done := make(chan struct{}, 2)
	for _, ends := range [][2]net.Conn{{c, far}, {far, c}} {
		go func() {
			_, _ = io.Copy(ends[0], plugged{ends[1], r})
			done <- struct{}{}
		}()
	}
	<-done
	_, _ = c.Close(), far.Close()
	<-done
}

// plugged swallows what is read while the relay is plugged up.
type plugged struct {
	net.Conn
	r *relay
}

func (p plugged) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		p.r.mu.Lock()
		plug := p.r.plug
		p.r.mu.Unlock()
		if err != nil || !plug {
			return n, err
		}
	}
}

// cut ends all connections; refuse: and those to come.
func (r *relay) cut(refuse bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse, r.plug = refuse, false
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

func (r *relay) plugUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plug = true
}

func TestARealSwarmIsWatchedWithoutPollingAndListedWhereTheWatchFails(t *testing.T) {
	api := onEngine(t)
	name := fmt.Sprintf("swwatch%d", time.Now().UnixNano()%1e6)
	importApp(t, api, "app", name+":1")
	id := deploy(t, api, name, overlay(t, api, name), nil)
	engine, control := newRelay(t, "/var/run/docker.sock"), newRelay(t, controlSocket)
	log := &syncBuffer{}
	source, err := New(Options{Endpoint: "unix://" + engine.path, ControlSocket: control.path, Self: func() Self { return Self{} }, Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	states := map[string]discovery.State{}
	delays := map[string]time.Duration{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- source.Run(ctx, func(s discovery.Snapshot) {
			at := time.Now()
			mu.Lock()
			defer mu.Unlock()
			clear(states)
			for _, service := range s.Services {
				if service.Name != name {
					continue
				}
				for _, k := range service.Tasks {
					if _, known := delays[k.ID]; k.State == discovery.Leaving && !known {
						if task, _, err := api.TaskInspectWithRaw(context.Background(), k.ID); err == nil {
							delays[k.ID] = at.Sub(task.UpdatedAt)
						}
					}
					states[k.ID] = k.State
				}
			}
		})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	on := func() int { return strings.Count(strings.Join(log.lines(), ""), "task watch is on") }
	renew := func(how string) {
		t.Helper()
		mu.Lock()
		clear(delays)
		mu.Unlock()
		before := running(t, api, id)
		change(t, api, id, func(s *swarm.ServiceSpec) { s.TaskTemplate.ForceUpdate++ })
		eventually(t, how+": the old tasks leave and end", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(delays) == 2 && len(states) == 2 && !slices.ContainsFunc(before, func(k swarm.Task) bool { _, is := states[k.ID]; return is })
		})
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%s: known to leave after %v", how, delays)
	}
	eventually(t, "two tasks run", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(states) == 2 && on() == 1 && len(running(t, api, id)) == 2
	})
	engine.cut(true) // the watch needs no engine
	renew("watched")
	for task, d := range delays {
		if d > 100*time.Millisecond {
			t.Errorf("%s: %v from the cluster's decision to ours", task, d)
		}
	}
	if s := source.Status(); s.Err != nil {
		t.Errorf("status %+v", s)
	}
	engine.cut(false)
	control.cut(true)
	eventually(t, "the watch is off", func() bool { return strings.Contains(strings.Join(log.lines(), ""), "task watch is off") })
	renew("listed")
	control.cut(false)
	eventually(t, "the watch is on again", func() bool { return on() == 2 })
	control.plugUp()
	renew("half-dead, then listed")
	control.cut(false)
	eventually(t, "the watch is on once more", func() bool { return on() == 3 })
	renew("watched again")
}
