package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// rolledBack: the update was tried and taken back. The replicas that served before still do, save that
// Swarm, when its restart of a failed task meets its rollback, now and then replaces a good one of the
// same slot: of two at a time at most.
func (x *trial) rolledBack() {
	x.Helper()
	state := docker(x.T, "service", "inspect", "--format", "{{.UpdateStatus.State}}", x.s.app)
	if state != "rollback_completed" {
		x.Errorf("the update is %q, want a completed rollback", state)
	}
	failed := 0
	for _, l := range x.lives {
		if l.runs.IsZero() {
			failed++
		}
	}
	if failed == 0 {
		x.Error("no task failed, so nothing was rolled back")
	}
	if x.kept() < replicas-2 {
		x.Errorf("only %d replicas are the same as before", x.kept())
	}
}

// removeContainer removes a container under load. Requests that were written to it already may be lost, if
// they must not be sent twice; nothing else.
func removeContainer(t *testing.T, s *stack) {
	var victim task
	x := underLoad(t, s, func() {
		victim = s.running(t)[0]
		docker(t, "rm", "-f", victim.container())
		eventually(t, "the engine notices", 30*time.Second, func() bool {
			_, still := byContainer(s.running(t))[victim.container()]
			return !still
		})
	})
	x.metTheEvent()
	x.keeps(replicas - 1)
	x.movedAsNeeded()
	for _, r := range x.report.Failed() {
		l := x.log[r.ID]
		if r.Method != http.MethodPost || l.Task != victim.ID || l.Retries > 0 && l.Error == "" {
			x.Errorf("failed, and not for want of the removed container alone: %v; the proxy's log: %+v", r, l)
		} else {
			x.Logf("lost with its container: %v; the proxy's log: %+v", r, l)
		}
	}
}

// scale leaves one replica under load, and then brings five back.
func scale(t *testing.T, s *stack) {
	x := underLoad(t, s, func() {
		for _, n := range []int{1, replicas} {
			docker(t, "service", "scale", "--detach=false", fmt.Sprintf("%s=%d", s.app, n))
			eventually(t, "the tasks are as many as they should be", time.Minute, func() bool { return len(s.running(t)) == n })
		}
	})
	x.lostNothing()
	x.keeps(1)
	x.movedAsNeeded()
	x.noneAfterStop()
}
