package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// life is a Swarm in a test, some twenty times as fast as a real one.
type life struct {
	*Swarm
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}
}

func begin(t *testing.T, spec Service) life {
	t.Helper()
	t.Parallel()
	spec.Name = "web"
	spec.StopGrace = time.Second
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	l := life{Swarm: New(Options{Services: []Service{spec}, Timing: Measured().Divided(20)}), t: t, ctx: ctx, cancel: cancel,
		ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		_ = l.Run(ctx)
	}()
	t.Cleanup(l.end)
	l.settle()
	return l
}

func (l life) end() {
	l.cancel()
	<-l.ended
}

func (l life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l life) settle() {
	l.t.Helper()
	l.must(l.Settled(l.ctx, "web"))
}

// until waits until the tasks, as Tasks shows them, are as wanted.
func (l life) until(what string, met func([]*task) bool) {
	l.t.Helper()
	if err := l.await(l.ctx, func() bool { return met(l.services[0].tasks) }); err != nil {
		l.t.Fatalf("waited in vain until %s", what)
	}
}

// alive are the tasks that have not ended.
func (l life) alive() []Task {
	return slices.DeleteFunc(l.Tasks(), func(t Task) bool { return t.State.Ended() })
}

func (l life) get(t Task, timeout time.Duration) (string, error) {
	client := http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + t.Address.String())
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// watch asks at each change, until the returned function is called.
func (l life) watch(look func([]*task)) (stop func()) {
	ctx, cancel := context.WithCancel(l.ctx)
	var looking sync.WaitGroup
	looking.Go(func() {
		_ = l.await(ctx, func() bool {
			look(l.services[0].tasks)
			return false
		})
	})
	return func() {
		cancel()
		looking.Wait()
	}
}

func TestEachReplicaSaysWhichContainerItIs(t *testing.T) {
	l := begin(t, Service{Replicas: 3, Checked: true})
	for _, task := range l.alive() {
		text, err := l.get(task, time.Second)
		want := "Hello, I'm a response from this container => " + task.Container + "\n"
		if err != nil || text != want || len(task.Container) != 12 {
			t.Errorf("%s answered %q, %v; want %q", task.Name(), text, err, want)
		}
		if task.Requests == 0 && l.counters(task.ID).Requests != 1 {
			t.Errorf("%s counted %+v; want one request", task.Name(), l.counters(task.ID))
		}
	}
}

func (l life) counters(id string) Counters {
	for _, t := range l.Tasks() {
		if t.ID == id {
			return t.Counters
		}
	}
	l.t.Fatalf("no task %s", id)
	return Counters{}
}

func TestTasksAreSpreadOverTheNodes(t *testing.T) {
	l := begin(t, Service{Replicas: 6})
	count := map[string]int{}
	for _, task := range l.alive() {
		count[task.Node]++
	}
	for _, n := range l.nodes {
		if count[n.name] != 2 {
			t.Errorf("%d tasks on %s, want 2 of 6", count[n.name], n.name)
		}
	}
}

func TestStatesAndDesiredStatesOnlyGrow(t *testing.T) {
	for name, spec := range map[string]Service{
		"start-first": {Replicas: 2, Checked: true},
		"stop-first":  {Replicas: 2, Checked: true, Order: StopFirst},
	} {
		t.Run(name, func(t *testing.T) {
			l := begin(t, spec)
			last, lastDesired := map[string]State{}, map[string]State{}
			stop := l.watch(func(tasks []*task) {
				for _, task := range tasks {
					if task.state < last[task.id] || task.desired < lastDesired[task.id] {
						t.Errorf("%s went from %s to %s, desired from %s to %s", task.name(), last[task.id], task.state,
							lastDesired[task.id], task.desired)
					}
					last[task.id], lastDesired[task.id] = task.state, task.desired
				}
			})
			l.must(l.Update("web"))
			l.settle()
			stop()
			if len(last) != 4 {
				t.Errorf("saw %d tasks, want two and their two successors", len(last))
			}
		})
	}
}

func TestAStartFirstUpdateNeverHasFewerRunningThanReplicas(t *testing.T) {
	least, most := updated(t, StartFirst)
	if least != 4 || most < 5 {
		t.Errorf("between %d and %d of 4 ran; want never fewer than 4, and more at times", least, most)
	}
}

func TestAStopFirstUpdateHasFewerRunningByItsParallelism(t *testing.T) {
	least, most := updated(t, StopFirst)
	if least != 2 || most != 4 {
		t.Errorf("between %d and %d of 4 ran; want from 2 to 4", least, most)
	}
}

// updated is how many tasks ran at least and at most during an update of four, two at a time.
func updated(t *testing.T, order Order) (least, most int) {
	l := begin(t, Service{Replicas: 4, Checked: true, Order: order, Parallelism: 2})
	before := l.alive()
	least = 4
	stop := l.watch(func(tasks []*task) {
		running, wanted := 0, 0
		for _, task := range tasks {
			if task.state == Running {
				running++
				if task.desired == Running {
					wanted++
				}
			}
		}
		least, most = min(least, wanted), max(most, running)
	})
	l.must(l.Update("web"))
	l.settle()
	stop()
	for _, task := range l.alive() {
		if task.Version != 2 || slices.ContainsFunc(before, func(b Task) bool { return b.ID == task.ID }) {
			t.Errorf("%s %s is of version %d after the update", task.Name(), task.ID, task.Version)
		}
	}
	if phase, _ := l.Phase("web"); phase != Completed {
		t.Errorf("the update is %s, want completed", phase)
	}
	return least, most
}

func TestSIGTERMComesTheGossipDelayAfterDesiredShutdown(t *testing.T) {
	l := begin(t, Service{Replicas: 1, Checked: true, Manners: Abrupt})
	old := l.services[0].tasks[0]
	l.must(l.Update("web"))
	l.until("the old task is told to stop", func([]*task) bool { return old.desired == Shutdown })
	told := time.Now()
	if _, err := l.get(old.seen(), time.Second); err != nil {
		t.Errorf("a task that was told to stop does not answer any more: %v", err)
	}
	<-old.process.dead
	if waited := time.Since(told); waited < l.timing.Signal/2 {
		t.Errorf("its process ended %s after desired=SHUTDOWN, want about %s", waited, l.timing.Signal)
	}
	l.until("its state says so", func([]*task) bool { return old.state == Shutdown })
}

func TestABrokenUpdateIsRolledBackAndStopsNoOldTask(t *testing.T) {
	l := begin(t, Service{Replicas: 3, Checked: true, Parallelism: 2, Rollback: true})
	before := l.alive()
	l.must(l.UpdateBroken("web"))
	l.settle()
	if phase, _ := l.Phase("web"); phase != RollbackCompleted {
		t.Errorf("the update is %s, want rollback_completed", phase)
	}
	ids := func(tasks []Task) (ids []string) {
		for _, t := range tasks {
			ids = append(ids, t.ID)
		}
		return ids
	}
	if after := l.alive(); !slices.Equal(ids(before), ids(after)) {
		t.Errorf("tasks %v became %v", ids(before), ids(after))
	}
	if failed := slices.ContainsFunc(l.Tasks(), func(t Task) bool { return t.State == Failed && t.Version == 2 }); !failed {
		t.Error("no task of the broken version failed: the update was none")
	}
}

func TestABrokenUpdateStopFirstGetsItsOldVersionBack(t *testing.T) {
	for name, checked := range map[string]bool{"with HEALTHCHECK": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			l := begin(t, Service{Replicas: 3, Checked: checked, Order: StopFirst, Rollback: true})
			l.must(l.UpdateBroken("web"))
			l.settle()
			for _, task := range l.alive() {
				if task.Version != 1 {
					t.Errorf("%s is of version %d after the rollback", task.Name(), task.Version)
				}
			}
		})
	}
}

func TestAKilledTaskGetsASuccessorInItsSlot(t *testing.T) {
	l := begin(t, Service{Replicas: 2, Checked: true})
	victim := l.alive()[1]
	l.must(l.Kill(victim.ID))
	killed := time.Now()
	if _, err := l.get(victim, time.Second); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a request to it: %v, want connection refused", err)
	}
	if again := l.Kill(victim.ID); again == nil {
		t.Error("it can be killed twice")
	}
	l.until("the managers see it", func(tasks []*task) bool { return tasks[1].state == Failed })
	l.settle()
	if waited := time.Since(killed); waited < l.timing.RestartDelay {
		t.Errorf("its successor ran %s later, want no earlier than %s", waited, l.timing.RestartDelay)
	}
	if successor := l.alive()[1]; successor.Slot != victim.Slot || successor.ID == victim.ID {
		t.Errorf("the successor of %+v is %+v", victim, successor)
	}
}

func TestScalingDownRemovesTheHighestSlots(t *testing.T) {
	l := begin(t, Service{Replicas: 4})
	l.must(l.Scale("web", 2))
	l.until("two are told to go", func(tasks []*task) bool { return tasks[2].desired == Remove && tasks[3].desired == Remove })
	l.settle()
	if got := slots(l.alive()); got != "[1 2]" {
		t.Errorf("slots %s are left, want [1 2]", got)
	}
	l.must(l.Scale("web", 3))
	l.settle()
	if got := slots(l.alive()); got != "[1 2 3]" {
		t.Errorf("slots %s after scaling up, want [1 2 3]", got)
	}
}

func slots(tasks []Task) string {
	var slots []int
	for _, t := range tasks {
		slots = append(slots, t.Slot)
	}
	return fmt.Sprint(slots)
}

func TestRunEndsAllListeners(t *testing.T) {
	l := begin(t, Service{Replicas: 3, Checked: true, Work: time.Minute})
	tasks := l.alive()
	hung := make(chan error, 1)
	go func() {
		_, err := l.get(tasks[0], time.Minute)
		hung <- err
	}()
	eventually(t, "the request is in flight", func() bool { return l.alive()[0].InFlight == 1 })
	l.end()
	if err := <-hung; err == nil {
		t.Error("a request in flight was answered by a cluster that has ended")
	}
	for _, task := range tasks {
		if c, err := net.Dial("tcp", task.Address.String()); err == nil {
			c.Close()
			t.Errorf("%s still listens", task.Name())
		}
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	s := New(Options{Services: []Service{{Name: "web", Replicas: 1}}})
	for name, err := range map[string]error{
		`"shop"`:   s.Update("shop"),
		`"store"`:  s.Scale("store", 1),
		`"node-9"`: s.LoseNode("node-9"),
		`"node-8"`: s.RestoreNode("node-8"),
		`"x"`:      s.Kill("x"),
		`-1`:       s.Scale("web", -1),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}
