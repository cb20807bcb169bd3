package swarm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

const (
	// steady is how long a task has run when its seat's failures before it are forgiven, unless its health was seen.
	steady = 30 * time.Second
	// tooOften is how many failures in a row leave no hope for a seat.
	tooOften = 3
	// shortly is how long a service's missing task is awaited: the manager makes one in milliseconds, or never.
	shortly = 5 * time.Second
	// placing is how long a task may be without a place after the last one that could have made room for it.
	placing = 2 * time.Second
)

// hope knows what can be expected of tasks that do not run: which of them will hardly ever, and
// which services are about to get one.
//
//   - A seat whose tasks failed again and again is hopeless until one has worked, or the service gets another spec.
//   - So is a task for which the scheduler finds no node. But during a stop-first update of a service with
//     reservations or a port of the host, it finds none until the old task has ended: that one is waited for.
//   - Between a task's failure and its successor, and between an order to scale up and its tasks, there is
//     none to be seen for a moment.
type hope struct {
	rows     map[chair]row
	since    map[string]time.Time // of living tasks by id: when they became RUNNING; zero: not yet
	unplaced map[string]time.Time // by the task's id: when it, or room for it, was seen last
	short    map[string]shortage  // by the service's id
}

// chair is a seat of all services'.
type chair struct {
	service, node string
	slot          int
}

func chairOf(t swarm.Task) chair {
	if t.Slot > 0 {
		return chair{service: t.ServiceID, slot: t.Slot}
	}
	return chair{service: t.ServiceID, node: t.NodeID}
}

// row is the failures of a seat, one after the other, of tasks that were started from the same thing.
type row struct {
	print  print
	count  int
	why    string
	newest time.Time // when the last task that counted was made, by the manager's clock
	at     time.Time // when it was counted
}

// shortage is how many tasks a service has less than it wants, and since when it is not less.
type shortage struct {
	missing int
	since   time.Time
}

// outlook is what hope knows at one moment. Two that are equal tell the same.
type outlook struct {
	stuck   map[string]string // why, by the task's id
	awaited map[string]bool   // by the service's id
}

func (o outlook) equal(p outlook) bool {
	return maps.Equal(o.stuck, p.stuck) && maps.Equal(o.awaited, p.awaited)
}

func newHope() hope {
	return hope{rows: map[chair]row{}, since: map[string]time.Time{}, unplaced: map[string]time.Time{}, short: map[string]shortage{}}
}

// learn takes in a listing and the tasks of it that have not ended.
func (h *hope) learn(l listing, tasks []swarm.Task, now time.Time) {
	h.fail(l, now)
	h.run(tasks)
	down := l.down()
	living, leaving := map[string]int{}, map[string]bool{}
	for _, t := range tasks {
		switch {
		case departing(t):
			leaving[t.ServiceID] = leaving[t.ServiceID] || !down[t.NodeID]
		case !down[t.NodeID]:
			living[t.ServiceID]++
		}
	}
	h.place(tasks, leaving, now)
	h.want(l, tasks, living, now)
}

// fail counts the tasks that ended by themselves. Histories come again and again; what counts is what was
// made after the last one that counted.
func (h *hope) fail(l listing, now time.Time) {
	var dead []swarm.Task
	for _, tasks := range [][]swarm.Task{l.tasks, l.departed} {
		for _, t := range tasks {
			if ended(t.Status.State) && t.Spec.ContainerSpec != nil && t.CreatedAt.After(h.rows[chairOf(t)].newest) {
				dead = append(dead, t)
			}
		}
	}
	slices.SortFunc(dead, func(a, b swarm.Task) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, t := range dead {
		r := h.rows[chairOf(t)]
		r.newest, r.at = t.CreatedAt, now
		p := printOf(t.Spec)
		if p != r.print || h.worked(t) || !failed(t) {
			r.print, r.count = p, 0
		}
		if failed(t) {
			r.count, r.why = r.count+1, cmp.Or(t.Status.Err, t.Status.Message)
		}
		h.rows[chairOf(t)] = r
	}
}

// failed says that a task ended unasked.
func failed(t swarm.Task) bool {
	switch t.Status.State {
	case swarm.TaskStateFailed, swarm.TaskStateRejected, swarm.TaskStateComplete:
		return true
	}
	return false
}

// worked says that a task that has ended had been of use: for a while, or, where the cluster checks its health, ever. Then
// its failures may well be those of engines, and its successor will be of use, too.
func (h *hope) worked(t swarm.Task) bool {
	return checked(t.Spec.ContainerSpec) && !h.since[t.ID].IsZero() || h.ran(t) >= steady
}

// ran is how long a task that has ended was RUNNING; at most that, if nobody saw it. Both times are
// the clock's of its node.
func (h *hope) ran(t swarm.Task) time.Duration {
	since, seen := h.since[t.ID]
	switch {
	case t.Status.State == swarm.TaskStateRejected, seen && since.IsZero():
		return 0
	case !seen:
		since = t.CreatedAt
	}
	return t.Status.Timestamp.Sub(since)
}

// run notes since when tasks run.
func (h *hope) run(tasks []swarm.Task) {
	since := make(map[string]time.Time, len(tasks))
	for _, t := range tasks {
		since[t.ID] = h.since[t.ID]
		if t.Status.State == swarm.TaskStateRunning && since[t.ID].IsZero() {
			since[t.ID] = t.Status.Timestamp
		}
	}
	h.since = since
}

// place notes which tasks have no place.
func (h *hope) place(tasks []swarm.Task, leaving map[string]bool, now time.Time) {
	unplaced := map[string]time.Time{}
	for _, t := range tasks {
		if departing(t) || t.Status.State != swarm.TaskStatePending || !strings.Contains(t.Status.Err, "no suitable node") {
			continue
		}
		since, known := h.unplaced[t.ID]
		if !known || leaving[t.ServiceID] {
			since = now
		}
		unplaced[t.ID] = since
	}
	h.unplaced = unplaced
}

// want notes which services have less tasks than they want. A seat is not missed that just lost its hope.
func (h *hope) want(l listing, tasks []swarm.Task, living map[string]int, now time.Time) {
	taken := map[chair]bool{}
	for _, t := range tasks {
		if !departing(t) {
			taken[chairOf(t)] = true
		}
	}
	lost := map[string]int{}
	for c, r := range h.rows {
		if !taken[c] && r.count >= tooOften && now.Sub(r.at) < shortly {
			lost[c.service]++
		}
	}
	nodes := l.active()
	short := map[string]shortage{}
	for _, s := range l.services {
		missing := -living[s.ID]
		switch {
		case s.Spec.Mode.Replicated != nil && s.Spec.Mode.Replicated.Replicas != nil:
			missing += int(*s.Spec.Mode.Replicated.Replicas)
		case s.Spec.Mode.Global != nil:
			missing += nodes // those that a constraint excludes are soon not awaited any more
		}
		next := shortage{missing - lost[s.ID], now}
		if old, known := h.short[s.ID]; known && next.missing <= old.missing {
			next.since = old.since
		}
		short[s.ID] = next
	}
	h.short = short
	maps.DeleteFunc(h.rows, func(c chair, _ row) bool { _, alive := short[c.service]; return !alive })
}

// outlook is what is to be expected at the moment.
func (h *hope) outlook(tasks []swarm.Task, prints map[string]print, now time.Time) outlook {
	o := outlook{map[string]string{}, map[string]bool{}}
	for _, t := range tasks {
		since, unplaced := h.unplaced[t.ID]
		r := h.rows[chairOf(t)]
		switch {
		case departing(t) || t.Status.State == swarm.TaskStateRunning:
		case unplaced && now.Sub(since) >= placing:
			o.stuck[t.ID] = t.Status.Err
		case r.count >= tooOften && r.print == prints[t.ID]:
			o.stuck[t.ID] = fmt.Sprintf("failed %d times in a row: %s", r.count, r.why)
		}
	}
	for id, s := range h.short {
		if s.missing > 0 && now.Sub(s.since) < shortly {
			o.awaited[id] = true
		}
	}
	return o
}

// down are the nodes, by id, that the managers have given up.
func (l listing) down() map[string]bool {
	down := map[string]bool{}
	for _, n := range l.nodes {
		if n.Status.State == swarm.NodeStateDown {
			down[n.ID] = true
		}
	}
	return down
}

// active is how many nodes take new tasks.
func (l listing) active() int {
	n := 0
	for _, node := range l.nodes {
		if node.Status.State == swarm.NodeStateReady && node.Spec.Availability == swarm.NodeAvailabilityActive {
			n++
		}
	}
	return n
}
