package swarm

import (
	"maps"
	"slices"
	"testing"

	"github.com/docker/docker/api/types/swarm"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func spec(image, port string) swarm.ServiceSpec {
	s := swarm.ServiceSpec{TaskTemplate: swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{Image: image}}}
	s.Name, s.Labels = "web", map[string]string{"port": port}
	return s
}

func service(version uint64, now swarm.ServiceSpec, before *swarm.ServiceSpec) swarm.Service {
	s := swarm.Service{ID: "s", Spec: now, PreviousSpec: before}
	s.Version.Index = version
	return s
}

func taskOf(id, image string) swarm.Task {
	return swarm.Task{ID: id, ServiceID: "s", Slot: 1, DesiredState: swarm.TaskStateRunning,
		Status: swarm.TaskStatus{State: swarm.TaskStateRunning},
		Spec:   swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{Image: image}}}
}

func TestATaskKeepsTheLabelsOfItsGeneration(t *testing.T) {
	a, b, c := spec("app:a", "8000"), spec("app:b", "9000"), spec("app:c", "7000")
	relabelled := spec("app:a", "8001")
	placed := spec("app:a", "8001")
	placed.TaskTemplate.Placement = &swarm.Placement{Constraints: []string{"node.role==worker"}}
	forced := spec("app:a", "9000")
	forced.TaskTemplate.ForceUpdate = 1
	old, next, last := taskOf("old", "app:a"), taskOf("next", "app:b"), taskOf("last", "app:c")
	for _, x := range []struct {
		name  string
		seen  []swarm.Service // one after the other; the last is now
		tasks []swarm.Task
		want  map[string]string
	}{
		{"nothing changed", []swarm.Service{service(1, a, nil)}, []swarm.Task{old}, map[string]string{"old": "8000"}},
		{"image and port changed", []swarm.Service{service(1, a, nil), service(2, b, &a)}, []swarm.Task{old, next}, map[string]string{"old": "8000", "next": "9000"}},
		{"the same, the proxy started in the midst of it", []swarm.Service{service(2, b, &a)}, []swarm.Task{old, next}, map[string]string{"old": "8000", "next": "9000"}},
		{"labels alone changed: no task is replaced", []swarm.Service{service(1, a, nil), service(2, relabelled, &a)}, []swarm.Task{old}, map[string]string{"old": "8001"}},
		{"the same, at start", []swarm.Service{service(2, relabelled, &a)}, []swarm.Task{old}, map[string]string{"old": "8001"}},
		{"placement too: no task need be replaced", []swarm.Service{service(1, a, nil), service(2, placed, &a)}, []swarm.Task{old}, map[string]string{"old": "8001"}},
		{"forced: the tag may name another image", []swarm.Service{service(1, a, nil), service(2, forced, &a)}, []swarm.Task{old}, map[string]string{"old": "8000"}},
		{"labels mended, then an update", []swarm.Service{service(1, a, nil), service(3, b, &relabelled)}, []swarm.Task{old}, map[string]string{"old": "8001"}},
		{"two updates, one on top of the other", []swarm.Service{service(1, a, nil), service(2, b, &a), service(3, c, &b)}, []swarm.Task{old, next, last}, map[string]string{"old": "8000", "next": "9000", "last": "7000"}},
		{"the same, at start: the oldest take what is nearest", []swarm.Service{service(3, c, &b)}, []swarm.Task{old, next, last}, map[string]string{"old": "9000", "next": "9000", "last": "7000"}},
		{"rolled back: no previous spec any more", []swarm.Service{service(1, a, nil), service(2, b, &a), service(3, a, nil)}, []swarm.Task{old, next}, map[string]string{"old": "8000", "next": "9000"}},
		{"the same, at start", []swarm.Service{service(3, a, nil)}, []swarm.Task{old, next}, map[string]string{"old": "8000", "next": "8000"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			g := newMemory().generations
			for _, s := range x.seen {
				g.learn([]swarm.Service{s}, x.tasks)
			}
			got := map[string]string{}
			for _, k := range x.tasks {
				got[k.ID] = g.labels(k)["port"]
			}
			if !maps.Equal(got, x.want) {
				t.Errorf("got %v, want %v", got, x.want)
			}
		})
	}
}

func TestARemovedServiceIsRememberedWhileItsTasksDrain(t *testing.T) {
	m := newMemory()
	k := taskOf("k", "app:a")
	read := func(services []swarm.Service, tasks ...swarm.Task) []string {
		var out []string
		for _, s := range m.read(view{tasks: m.learn(listing{cluster: "c", services: services, tasks: tasks, full: true})}).Services {
			out = append(out, s.ID+" "+s.Labels["port"])
			for _, k := range s.Tasks {
				out = append(out, k.ID+" "+k.State.String())
			}
		}
		return out
	}
	read([]swarm.Service{service(1, spec("app:a", "8000"), nil)}, k)
	k.DesiredState = swarm.TaskStateRemove
	if got := read(nil, k); !slices.Equal(got, []string{"s 8000", "k leaving"}) {
		t.Errorf("while its task drains: %v", got)
	}
	again := service(5, spec("app:b", "9000"), nil)
	again.ID = "s2"
	if got := read([]swarm.Service{again}, k); !slices.Equal(got, []string{"s2 9000", "k leaving"}) {
		t.Errorf("made anew under its name: %v", got)
	}
	k.Status.State = swarm.TaskStateShutdown
	if got := read(nil, k); len(got) != 0 {
		t.Errorf("after it has ended: %v", got)
	}
}

func TestAMissingTaskIsLeavingUntilTheEngineSaysOtherwise(t *testing.T) {
	k := taskOf("k", "app:a")
	down := k
	down.DesiredState = swarm.TaskStateShutdown
	dead := down
	dead.Status.State = swarm.TaskStateFailed
	for _, x := range []struct {
		name string
		l    listing
		want []swarm.TaskState
	}{
		{"not asked", listing{}, []swarm.TaskState{swarm.TaskStateShutdown}},
		{"asked, still there", listing{asked: true, departed: []swarm.Task{down}}, []swarm.TaskState{swarm.TaskStateShutdown}},
		{"asked, ended", listing{asked: true, departed: []swarm.Task{dead}}, nil},
		{"asked, unknown", listing{asked: true}, nil},
		{"not among all", listing{full: true}, nil},
		{"among all", listing{full: true, tasks: []swarm.Task{down}}, []swarm.TaskState{swarm.TaskStateShutdown}},
	} {
		d := departures{"k": k}
		var got []swarm.TaskState
		for _, t := range d.settle(x.l) {
			got = append(got, t.DesiredState)
		}
		if !slices.Equal(got, x.want) || len(d) != len(x.want) {
			t.Errorf("%s: %v, want %v; remembers %d", x.name, got, x.want, len(d))
		}
	}
}

func TestStatesOfTasks(t *testing.T) {
	const gone = discovery.State(-1)
	for _, x := range []struct {
		desired, status swarm.TaskState
		want            discovery.State
	}{
		{"running", "running", discovery.Running},
		{"running", "starting", discovery.Starting},
		{"running", "pending", discovery.Starting},
		{"ready", "ready", discovery.Starting},
		{"ready", "preparing", discovery.Starting},
		{"shutdown", "running", discovery.Leaving},
		{"shutdown", "starting", discovery.Leaving},
		{"shutdown", "ready", gone},
		{"shutdown", "pending", gone},
		{"remove", "running", discovery.Leaving},
		{"running", "failed", gone},
		{"shutdown", "complete", gone},
		{"shutdown", "rejected", gone},
		{"remove", "shutdown", gone},
		{"shutdown", "orphaned", gone},
	} {
		k := taskOf("k", "app:a")
		k.DesiredState, k.Status.State = x.desired, x.status
		got := gone
		if alive(k) {
			got = stateOf(k)
		}
		if got != x.want {
			t.Errorf("desired %s, status %s: %v, want %v", x.desired, x.status, got, x.want)
		}
	}
	job := taskOf("k", "app:a")
	job.JobIteration = &swarm.Version{Index: 1}
	if alive(job) {
		t.Error("a job's task counts as alive")
	}
}

func TestAnotherClusterOnTheSameEngineStartsAnEmptyMemory(t *testing.T) {
	m := newMemory()
	m.learn(listing{cluster: "one", full: true, services: []swarm.Service{service(1, spec("app:a", "1"), nil)}, tasks: []swarm.Task{taskOf("k", "app:a")}})
	m.own.id = "k"
	if tasks := m.learn(listing{cluster: "two", full: true}); len(tasks) != 0 || len(m.generations.services) != 0 || m.own.id != "" {
		t.Errorf("%d tasks, memory %+v", len(tasks), m)
	}
}
