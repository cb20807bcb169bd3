package swarm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
)

// cast is a cluster of one service whose tasks a test moves about. Each look is a listing.
type cast struct {
	m     *memory
	now   time.Time
	spec  swarm.ServiceSpec
	tasks []swarm.Task
	nodes []swarm.Node
}

func newCast(replicas uint64) *cast {
	c := &cast{m: newMemory(), now: time.Now(), spec: spec("app:a", "8000")}
	c.spec.Mode.Replicated = &swarm.ReplicatedService{Replicas: &replicas}
	c.nodes = []swarm.Node{{ID: "n1", Status: swarm.NodeStatus{State: swarm.NodeStateReady}, Spec: swarm.NodeSpec{Availability: swarm.NodeAvailabilityActive}}}
	return c
}

// start makes a task in slot 1, and returns its id.
func (c *cast) start(state swarm.TaskState) string {
	t := taskOf(fmt.Sprint("t", len(c.tasks)), c.spec.TaskTemplate.ContainerSpec.Image)
	t.CreatedAt, t.Status.State, t.NodeID = c.now, state, "n1"
	t.Spec.ContainerSpec.Healthcheck = c.spec.TaskTemplate.ContainerSpec.Healthcheck
	c.tasks = append(c.tasks, t)
	return t.ID
}

// turn brings the newest task into a state.
func (c *cast) turn(state swarm.TaskState, err string) {
	t := &c.tasks[len(c.tasks)-1]
	t.Status = swarm.TaskStatus{State: state, Err: err, Timestamp: c.now}
	if ended(state) {
		t.DesiredState = swarm.TaskStateShutdown
	}
}

// look is what a listing now tells: why tasks are stuck, in their order, and whether one is awaited.
func (c *cast) look() (stuck []string, awaited bool) {
	l := listing{cluster: "c", services: []swarm.Service{service(1, c.spec, nil)}, tasks: c.tasks, nodes: c.nodes, full: true}
	tasks := c.m.departures.settle(l)
	c.m.generations.learn(l.services, tasks)
	c.m.hope.learn(l, tasks, c.now)
	o := c.m.outlook(tasks, c.now)
	for _, t := range tasks {
		if why := o.stuck[t.ID]; why != "" {
			stuck = append(stuck, t.ID+" "+why)
		}
	}
	return stuck, o.awaited["s"]
}

func (c *cast) expect(t *testing.T, when string, awaited bool, stuck ...string) {
	t.Helper()
	if s, a := c.look(); a != awaited || !slices.Equal(s, stuck) {
		t.Errorf("%s: stuck %q, awaited %v; want %q, %v", when, s, a, stuck, awaited)
	}
}

func (c *cast) wait(d time.Duration) { c.now = c.now.Add(d) }

func TestASeatThatFailedThreeTimesInARowIsNotWaitedForUntilOneRan(t *testing.T) {
	c := newCast(1)
	for n := range 3 {
		c.start(swarm.TaskStateStarting)
		c.expect(t, fmt.Sprint("start ", n), false)
		c.wait(time.Second)
		c.turn(swarm.TaskStateRunning, "")
		c.expect(t, fmt.Sprint("run ", n), false)
		c.wait(steady - time.Second)
		c.turn(swarm.TaskStateFailed, "task: non-zero exit (1)")
		c.expect(t, fmt.Sprint("failure ", n), n < 2)
		c.wait(time.Second)
	}
	id := c.start(swarm.TaskStateStarting)
	c.expect(t, "the fourth", false, id+" failed 3 times in a row: task: non-zero exit (1)")
	c.turn(swarm.TaskStateRunning, "")
	c.expect(t, "it runs", false)
	c.wait(steady)
	c.turn(swarm.TaskStateFailed, "task: non-zero exit (1)")
	c.expect(t, "it failed after a while", true)
	c.start(swarm.TaskStateStarting)
	c.expect(t, "the first after that", false)
}

func TestASeatWhoseTasksWereHealthyIsWaitedForHoweverOftenTheyFailed(t *testing.T) {
	c := newCast(1)
	c.spec.TaskTemplate.ContainerSpec.Healthcheck = &container.HealthConfig{Test: []string{"CMD", "true"}}
	for n := range 4 { // their engines are restarted, one after the other
		c.start(swarm.TaskStateStarting)
		c.expect(t, fmt.Sprint("start ", n), false)
		c.turn(swarm.TaskStateRunning, "")
		c.expect(t, fmt.Sprint("run ", n), false)
		c.wait(time.Second)
		c.turn(swarm.TaskStateComplete, "")
		c.expect(t, fmt.Sprint("end ", n), true)
	}
	for n := range 2 { // then they get no further than to start
		c.start(swarm.TaskStateStarting)
		c.expect(t, fmt.Sprint("start again ", n), false)
		c.turn(swarm.TaskStateFailed, "task: unhealthy container")
		c.expect(t, fmt.Sprint("failure to start ", n), n < 1)
		c.wait(time.Second)
	}
}

func TestFailuresOfAnotherGenerationDoNotCount(t *testing.T) {
	c := newCast(1)
	for range 3 {
		c.start(swarm.TaskStatePreparing)
		c.turn(swarm.TaskStateRejected, "No such image: app:a")
		c.wait(time.Second)
	}
	old := c.start(swarm.TaskStateReady)
	c.expect(t, "the history at start", false, old+" failed 3 times in a row: No such image: app:a")
	c.tasks[len(c.tasks)-1].DesiredState = swarm.TaskStateShutdown
	c.spec = spec("app:b", "8000")
	c.start(swarm.TaskStateReady)
	c.expect(t, "after the update", false)
}

func TestAHistoryOfRunsThatWereStoppedOrLongIsNoReasonNotToWait(t *testing.T) {
	for _, x := range []struct {
		name  string
		state swarm.TaskState
		lived time.Duration
		stuck bool
	}{
		{"failed at once", swarm.TaskStateFailed, time.Second, true},
		{"finished at once", swarm.TaskStateComplete, time.Second, true},
		{"failed after a day", swarm.TaskStateFailed, 24 * time.Hour, false},
		{"stopped", swarm.TaskStateShutdown, time.Second, false},
	} {
		c := newCast(1)
		for range 5 {
			c.start(swarm.TaskStateRunning)
			c.wait(x.lived)
			c.turn(x.state, "")
		}
		c.start(swarm.TaskStateStarting)
		if stuck, _ := c.look(); len(stuck) > 0 != x.stuck {
			t.Errorf("%s: stuck %q, want %v", x.name, stuck, x.stuck)
		}
	}
}

func TestATaskWithoutAPlaceIsWaitedForWhileAnotherMayMakeRoom(t *testing.T) {
	const full = "no suitable node (host-mode port already in use on 1 node)"
	c := newCast(1)
	c.start(swarm.TaskStateRunning)
	c.look()
	c.tasks[0].DesiredState = swarm.TaskStateShutdown
	id := c.start(swarm.TaskStatePending)
	c.turn(swarm.TaskStatePending, full)
	for range 5 {
		c.expect(t, "its predecessor stops", false)
		c.wait(10 * time.Second)
	}
	c.expect(t, "at last", false)
	c.tasks[0].Status.State = swarm.TaskStateShutdown
	c.wait(placing - time.Millisecond)
	c.expect(t, "it has stopped a moment ago", false)
	c.wait(time.Millisecond)
	c.expect(t, "a while ago", false, id+" "+full)
	c.turn(swarm.TaskStateAssigned, "")
	c.expect(t, "there is a place", false)
}

func TestATaskThatIsMissingIsAwaitedForAMoment(t *testing.T) {
	c := newCast(2)
	c.expect(t, "scaled up", true)
	c.wait(shortly)
	c.expect(t, "none came", false)
	c.start(swarm.TaskStateRunning)
	c.expect(t, "one came", false)
	c.turn(swarm.TaskStateFailed, "")
	c.expect(t, "it failed", true)
	c.wait(shortly)
	c.expect(t, "it is not started again", false)

	none := newCast(0)
	none.expect(t, "no replicas", false)
}

func TestAGlobalServiceMissesATaskOfEachNodeThatTakesSome(t *testing.T) {
	c := newCast(0)
	c.spec.Mode = swarm.ServiceMode{Global: &swarm.GlobalService{}}
	c.expect(t, "one node", true)
	c.start(swarm.TaskStateRunning)
	c.tasks[0].Slot = 0
	c.expect(t, "its task runs", false)
	c.nodes = append(c.nodes, swarm.Node{ID: "n2", Status: swarm.NodeStatus{State: swarm.NodeStateDown}})
	c.expect(t, "another that is down", false)
	c.nodes[0].Status.State = swarm.NodeStateDown
	c.nodes[1] = swarm.Node{ID: "n2", Status: swarm.NodeStatus{State: swarm.NodeStateReady}, Spec: swarm.NodeSpec{Availability: swarm.NodeAvailabilityActive}}
	c.expect(t, "the first went down and the other came", true)
}

func TestTasksOnNodesThatAreDownAreGone(t *testing.T) {
	c := newCast(1)
	c.start(swarm.TaskStateRunning)
	c.nodes[0].Status.State = swarm.NodeStateUnknown
	for _, x := range []struct {
		state swarm.NodeState
		want  int
	}{{swarm.NodeStateReady, 1}, {swarm.NodeStateUnknown, 1}, {swarm.NodeStateDown, 0}} {
		c.nodes[0].Status.State = x.state
		l := listing{cluster: "c", services: []swarm.Service{service(1, c.spec, nil)}, tasks: c.tasks, nodes: c.nodes, full: true}
		got := c.m.read(view{listing: l, tasks: c.m.learn(l)}).Services[0].Tasks
		if len(got) != x.want {
			t.Errorf("node %s: %v, want %d", x.state, got, x.want)
		}
	}
}

func TestWhatIsStuckOrAwaitedReachesTheSnapshot(t *testing.T) {
	c := newCast(2)
	id := c.start(swarm.TaskStatePending)
	c.turn(swarm.TaskStatePending, "no suitable node (1 node not available for new tasks)")
	l := listing{cluster: "c", services: []swarm.Service{service(1, c.spec, nil)}, tasks: c.tasks, nodes: c.nodes, full: true}
	tasks := c.m.learn(l)
	s := c.m.read(view{listing: l, tasks: tasks, outlook: c.m.outlook(tasks, time.Now().Add(placing))}).Services[0]
	if !s.Awaited || s.Tasks[0].ID != id || !strings.HasPrefix(s.Tasks[0].Stuck, "no suitable node") {
		t.Errorf("%+v", s)
	}
}
