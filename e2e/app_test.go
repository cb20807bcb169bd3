package e2e

import "testing"

func TestReplicasThatDieAtOnceLoseNothing(t *testing.T) {
	e := onEngine(t)
	s := deployApp(t, e, "die", proxyImage(t), "die")
	t.Run("an update", func(t *testing.T) {
		x := underLoad(t, s, func() { update(t, s) })
		x.lostNothing()
		x.keeps(0)
		x.newcomersServed()
		x.movedAsNeeded()
		x.noneAfterStop()
		x.reachedOnce()
	})
	t.Run("a broken update", func(t *testing.T) {
		x := underLoad(t, s, func() { update(t, s, "--health-cmd", "/app healthcheck WRONG-PORT") })
		x.rolledBack()
		x.lostNothing()
		x.movedAsNeeded()
		x.noneAfterStop()
		x.reachedOnce()
	})
	t.Run("a container is removed", func(t *testing.T) { removeContainer(t, s) })
	t.Run("an update to replicas that linger", func(t *testing.T) {
		x := underLoad(t, s, func() { update(t, s, "--env-add", "CHARACTER=linger") })
		x.lostNothing()
		x.keeps(0)
		x.reachedOnce()
	})
	t.Run("an update of replicas that linger, and would show a late request", func(t *testing.T) {
		x := underLoad(t, s, func() { update(t, s) })
		x.lostNothing()
		x.keeps(0)
		x.newcomersServed()
		x.movedAsNeeded()
		x.noneAfterStop()
		x.reachedOnce()
	})
	// The last: the one replica that stays has had so many sessions that new ones avoid it for a while.
	t.Run("scaling to one and back", func(t *testing.T) { scale(t, s) })
}

// The control: without draining the same update loses requests, or the tests above show nothing.
func TestWithoutDrainingTheUpdateLosesRequests(t *testing.T) {
	e := onEngine(t)
	image := buildImage(t, "control", "--build-arg", "FAIRLEAD_IMAGE="+proxyImage(t))
	s := deployApp(t, e, "control", image, "die")
	x := underLoad(t, s, func() { update(t, s) })
	x.metTheEvent()
	x.keeps(0)
	if len(x.report.Failed()) == 0 {
		t.Error("no request failed: this load cannot tell whether draining works")
	}
}

// update waits until the service's update is over, one way or the other.
func update(t *testing.T, s *stack, flags ...string) {
	t.Helper()
	docker(t, append(append([]string{"service", "update", "--force", "--detach=false"}, flags...), s.app)...)
}
