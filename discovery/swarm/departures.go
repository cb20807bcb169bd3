package swarm

import (
	"cmp"
	"slices"

	"github.com/docker/docker/api/types/swarm"
)

// departures are the tasks that have not ended, by id, as last seen. They are why a task that
// vanishes from a filtered list counts as leaving until the engine says that it has ended,
// or no longer knows it.
type departures map[string]swarm.Task

// missing are the ids of tasks that had not ended and are not among listed; sorted.
func (d departures) missing(listed []swarm.Task) []string {
	seen := make(map[string]bool, len(listed))
	for _, t := range listed {
		seen[t.ID] = true
	}
	var ids []string
	for id := range d {
		if !seen[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// settle returns the tasks that have not ended, sorted by id, and remembers them. Of a missing task
// counts what the engine says of it when asked; absence from its answer, or from a list of all
// tasks, is the end. If it was not asked, the task is leaving.
func (d departures) settle(l listing) []swarm.Task {
	missing := d.missing(l.tasks)
	tasks := slices.Concat(l.tasks, l.departed)
	if !l.asked && !l.full {
		for _, id := range missing {
			t := d[id]
			if !departing(t) {
				t.DesiredState = swarm.TaskStateShutdown
			}
			tasks = append(tasks, t)
		}
	}
	tasks = slices.DeleteFunc(tasks, func(t swarm.Task) bool { return !alive(t) })
	slices.SortFunc(tasks, func(a, b swarm.Task) int { return cmp.Compare(a.ID, b.ID) })
	clear(d)
	for _, t := range tasks {
		d[t.ID] = t
	}
	return tasks
}

// alive says whether a task may have a process, now or later, that a proxy could speak to. Jobs and
// plugins are not spoken to.
func alive(t swarm.Task) bool {
	return t.Spec.ContainerSpec != nil && t.JobIteration == nil && !ended(t.Status.State) &&
		(!departing(t) || started(t))
}

// departing says that the cluster no longer wants the task.
func departing(t swarm.Task) bool {
	return t.DesiredState == swarm.TaskStateShutdown || ended(t.DesiredState)
}

// ended says that a status is terminal. As a desired state it is past RUNNING just as well.
func ended(s swarm.TaskState) bool {
	switch s {
	case swarm.TaskStateComplete, swarm.TaskStateShutdown, swarm.TaskStateFailed,
		swarm.TaskStateRejected, swarm.TaskStateRemove, swarm.TaskStateOrphaned:
		return true
	}
	return false
}

// started says that a task may have a process. A departing task without one never gets one.
func started(t swarm.Task) bool {
	return t.Status.State == swarm.TaskStateStarting || t.Status.State == swarm.TaskStateRunning
}
