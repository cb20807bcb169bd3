package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
)

var (
	noAnswer = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	refused  = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
)

// tasks are backends of one service on one node, in one state.
func tasks(service, node, state string, err error, numbers ...int) (all []balancer.BackendStatus) {
	for _, n := range numbers {
		all = append(all, balancer.BackendStatus{State: state, Err: err, Task: discovery.Task{
			ID: fmt.Sprint(service, n), Name: fmt.Sprintf("%s.%d", service, n), Node: node,
			Address: discovery.Address{Scheme: "http", HostPort: "10.0.1.9:8000"},
		}})
	}
	return all
}

func pool(service string, backends ...[]balancer.BackendStatus) balancer.PoolStatus {
	p := balancer.PoolStatus{Service: service}
	for _, bs := range backends {
		for _, b := range bs {
			if b.State == "ready" {
				p.Ready++
			}
			p.Backends = append(p.Backends, b)
		}
	}
	return p
}

var twoNodes = []discovery.Node{{Name: "worker-1"}, {Name: "worker-2"}}

// after is what is found of a view that has been so for a time.
func after(t *testing.T, d time.Duration, v View) []Finding {
	t.Helper()
	if v.Held == nil {
		v.Held = func(string) int { return 0 }
	}
	if v.Nodes == nil {
		v.Nodes = twoNodes
	}
	doctor, now := New(), time.Now()
	doctor.Look(v, now)
	return doctor.Look(v, now.Add(d))
}

func TestEachTroubleIsNamedWithWhatToCheck(t *testing.T) {
	healthy := tasks("web", "worker-1", "ejected", refused, 1)
	healthy[0].Task.Checked = true
	hopeless := tasks("web", "", "starting", nil, 1)
	hopeless[0].Task.Stuck = "no suitable node (insufficient memory on 2 nodes)"
	for _, c := range []struct {
		name string
		view View
		want string
	}{
		{"a node out of reach", View{Pools: []balancer.PoolStatus{
			pool("api", tasks("api", "worker-1", "ready", nil, 1)),
			pool("web", tasks("web", "worker-2", "ejected", noAnswer, 1, 2, 3, 4))}},
			"All 4 on worker-2 time out, other nodes answer: check UDP 4789 and TCP+UDP 7946 between the nodes. Swarm still calls worker-2 ready."},
		{"a node that Swarm knows to be down", View{Nodes: []discovery.Node{{Name: "worker-2", Down: true}}, Pools: []balancer.PoolStatus{
			pool("web", tasks("web", "worker-1", "ready", nil, 2), tasks("web", "worker-2", "ejected", noAnswer, 1))}},
			"web.1 on worker-2 times out, other nodes answer: check UDP 4789 and TCP+UDP 7946 between the nodes."},
		{"no node in reach", View{Pools: []balancer.PoolStatus{
			pool("web", tasks("web", "worker-1", "ejected", noAnswer, 1), tasks("web", "worker-2", "unproven", syscall.EHOSTUNREACH, 2))}},
			"web.1 on worker-1 times out, and no other node answers: check UDP 4789 and TCP+UDP 7946 of this proxy's own node. Swarm still calls worker-1 ready. " +
				"web.2 on worker-2 times out, and no other node answers: check UDP 4789 and TCP+UDP 7946 of this proxy's own node. Swarm still calls worker-2 ready."},
		{"the only node out of reach", View{Pools: []balancer.PoolStatus{
			pool("web", tasks("web", "worker-1", "ejected", context.DeadlineExceeded, 1, 2))}},
			"All 2 on worker-1 time out, no other node has tasks to compare with: check UDP 4789 and TCP+UDP 7946 to it. Swarm still calls worker-1 ready."},
		{"a process that hangs", View{Pools: []balancer.PoolStatus{
			pool("web", tasks("web", "worker-1", "ready", nil, 1, 2), tasks("web", "worker-1", "ejected", noAnswer, 3))}},
			"web.3 on worker-1 times out while others on that node answer: its process may hang."},
		{"a wrong port beside a healthy container", View{Pools: []balancer.PoolStatus{pool("web", healthy)}},
			"web.1 refuses connections on port 8000, though healthy to Swarm: is loadbalancer.server.port right?"},
		{"a closed port", View{Pools: []balancer.PoolStatus{pool("web", tasks("web", "worker-1", "unproven", refused, 1, 2))}},
			"web.1 and web.2 refuse connections on port 8000: does the app listen there, and not on 127.0.0.1 alone? Is loadbalancer.server.port right?"},
		{"a probe that fails", View{Pools: []balancer.PoolStatus{pool("web", tasks("web", "worker-1", "failing", errors.New("GET /health: 500"), 1, 2, 3, 4, 5))}},
			"web.1, web.2, web.3 and 2 more fail the health check: GET /health: 500."},
		{"an address that Swarm withdrew", View{Pools: []balancer.PoolStatus{pool("web", tasks("web", "worker-1", "withdrawn", nil, 1))}},
			"Swarm names the address of web.1 no longer (tasks.<service>): unhealthy, or its node is out of the others' reach."},
		{"a task that cannot be placed", View{Pools: []balancer.PoolStatus{{Service: "web", Coming: []discovery.Task{hopeless[0].Task}}}},
			"web.1 cannot start: no suitable node (insufficient memory on 2 nodes)."},
		{"a network that drops large packets", View{Choked: map[string]bool{"web2": true}, Pools: []balancer.PoolStatus{
			pool("web", tasks("web", "worker-1", "ready", nil, 1), tasks("web", "worker-2", "ready", nil, 2))}},
			"What is small passes between here and web.2, what is large stops on the way: check the MTU of the network between the nodes " +
				"(VXLAN takes 50 bytes of it; the overlay's own is set by --opt com.docker.network.driver.mtu)."},
	} {
		found := after(t, patience, c.view)
		if len(found) != 1 {
			t.Errorf("%s: found %v", c.name, found)
			continue
		}
		if got := strings.Join(found[0].Causes, " "); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

func TestAFindingSaysHowManySinceWhenAndWhoWaits(t *testing.T) {
	v := View{Held: func(string) int { return 17 }, Pools: []balancer.PoolStatus{
		pool("web", tasks("web", "worker-2", "ejected", noAnswer, 1, 2, 3), tasks("web", "worker-2", "draining", nil, 4))}}
	found := after(t, time.Minute, v)
	if len(found) != 1 {
		t.Fatal(found)
	}
	since := found[0].Since.Format(time.TimeOnly)
	if got, want := found[0].String(), "web: 0 of 3 ready since "+since+", 17 held. All 3 on worker-2 time out"; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s…", got, want)
	}
}

func TestWhatIsBrieflyOutOfServiceIsNoTrouble(t *testing.T) {
	v := View{Pools: []balancer.PoolStatus{pool("web", tasks("web", "worker-1", "ejected", noAnswer, 1))}}
	if found := after(t, patience-time.Millisecond, v); len(found) != 0 {
		t.Errorf("found %v", found)
	}
	starting := View{Pools: []balancer.PoolStatus{pool("web", tasks("web", "worker-1", "starting", nil, 1), tasks("web", "worker-1", "unproven", nil, 2))}}
	if found := after(t, time.Hour, starting); len(found) != 0 {
		t.Errorf("of tasks that start: %v", found)
	}
}

func TestTroubleKeepsItsBeginningWhileItsTasksChange(t *testing.T) {
	d, now := New(), time.Now()
	look := func(at time.Duration, id string, numbers ...int) []Finding {
		backends := tasks("web", "worker-1", "unproven", refused, numbers...)
		for i := range backends {
			backends[i].Task.ID += id
		}
		return d.Look(View{Nodes: twoNodes, Held: func(string) int { return 0 }, Pools: []balancer.PoolStatus{pool("web", backends)}}, now.Add(at))
	}
	look(0, "a", 1)
	first := look(patience, "b", 1) // a task that crashed, and its successor
	look(2*patience, "b", 1, 2)
	last := look(3*patience, "b", 2)
	if len(first) != 1 || len(last) != 1 || !last[0].Since.Equal(now) {
		t.Fatalf("found %v, then %v; want both since %s", first, last, now.Format(time.TimeOnly))
	}
	if first[0].Same(last[0]) {
		t.Errorf("%v is not told apart from %v", first, last)
	}
	if again := look(4*patience, "c", 2); !last[0].Same(again[0]) {
		t.Errorf("%v is told apart from %v", last, again)
	}
}
