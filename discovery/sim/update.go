package sim

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Phase is UpdateStatus.State of a service.
type Phase string

// The phases of an update, by Swarm's names.
const (
	Updating          Phase = "updating"
	Completed         Phase = "completed"
	Paused            Phase = "paused"
	RollbackStarted   Phase = "rollback_started"
	RollbackCompleted Phase = "rollback_completed"
	RollbackPaused    Phase = "rollback_paused"
)

// update brings a service's tasks to a generation. It is guarded by the Swarm's lock.
type update struct {
	target   *generation
	phase    Phase
	failures int
	cancel   context.CancelFunc // of its goroutine; nil before that began
}

func (u *update) underway() bool { return u.phase == Updating || u.phase == RollbackStarted }

var errUpdateFailed = errors.New("a new task failed")

// Update replaces all tasks of a service, as `docker service update --force` does.
func (s *Swarm) Update(name string) error { return s.begin(name, false) }

// UpdateBroken is an update whose tasks never get healthy.
func (s *Swarm) UpdateBroken(name string) error { return s.begin(name, true) }

func (s *Swarm) begin(name string, broken bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.find(name)
	if err != nil {
		return err
	}
	// An update that is cut short by another leaves what it would roll back to.
	if v.update == nil || !v.update.underway() {
		v.previous = v.target
	}
	v.versions++
	v.target = &generation{version: v.versions + 1, broken: broken}
	s.say(v, "%s is updated to version %d", name, v.target.version)
	s.pursue(v, Updating)
	return nil
}

// pursue starts an update to v.target in place of the one before it. The caller holds the lock.
func (s *Swarm) pursue(v *service, phase Phase) {
	if v.update != nil && v.update.cancel != nil {
		v.update.cancel()
	}
	u := &update{target: v.target, phase: phase}
	v.update = u
	s.events++
	s.spawn(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s.change(func() { u.cancel = cancel })
		err := s.roll(ctx, v, u)
		if ctx.Err() == nil {
			s.change(func() { s.conclude(v, u, err) })
		}
		return nil
	})
	s.wake()
}

// roll replaces slot after slot, then watches the new tasks for a while.
func (s *Swarm) roll(ctx context.Context, v *service, u *update) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, v.spec.Parallelism))
	s.mu.Lock()
	slots := v.replicas
	s.mu.Unlock()
	for slot := 1; slot <= slots && gctx.Err() == nil; slot++ {
		g.Go(func() error {
			err := s.renew(gctx, v, u, slot)
			if err != nil {
				return fmt.Errorf("%s.%d: %w", v.spec.Name, slot, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	monitored, cancel := context.WithTimeout(ctx, s.timing.Monitor)
	defer cancel()
	if failed := s.await(monitored, func() bool { return u.failures > 0 }); failed == nil {
		return errUpdateFailed
	}
	return nil
}

// renew brings one slot to the update's generation.
func (s *Swarm) renew(ctx context.Context, v *service, u *update, slot int) error {
	var old, fresh *task
	s.change(func() {
		old = v.wanted(slot)
		if old == nil || v.keep(s, slot, u.target) {
			return
		}
		first := Running
		if v.spec.Order == StopFirst {
			first = Ready
			s.want(old, Shutdown)
		}
		fresh = s.create(v, slot, first)
	})
	if fresh == nil {
		return nil
	}
	if v.spec.Order == StopFirst {
		if err := s.outlive(ctx, old, fresh); err != nil {
			return err
		}
	}
	failed := false
	err := s.await(ctx, func() bool {
		failed = u.failures > 0
		return failed || fresh.state >= Running || fresh.desired > Running
	})
	if err != nil {
		return err
	}
	if failed {
		return errUpdateFailed
	}
	s.change(func() { s.retire(v, slot, fresh) })
	return nil
}

// outlive lets a fresh task start once the old one has stopped.
func (s *Swarm) outlive(ctx context.Context, old, fresh *task) error {
	patient, cancel := context.WithTimeout(ctx, s.timing.OldTimeout)
	defer cancel()
	_ = s.await(patient, func() bool { return old.state.Ended() }) // or time is up, or ctx is, below
	if err := ctx.Err(); err != nil {
		return err
	}
	s.change(func() { s.want(fresh, Running) })
	return nil
}

// keep says that a slot has a task of the generation that runs or is about to, as one has that a
// rollback finds; the slot's others are told to stop. The caller holds the lock.
func (v *service) keep(s *Swarm, slot int, g *generation) bool {
	for _, t := range v.tasks {
		if t.slot == slot && t.generation == g && t.desired <= Running && !t.state.Ended() {
			s.retire(v, slot, t)
			return true
		}
	}
	return false
}

// retire tells all tasks of a slot but one to stop. The caller holds the lock.
func (s *Swarm) retire(v *service, slot int, but *task) {
	for _, t := range v.tasks {
		if t.slot == slot && t != but && t.desired <= Running {
			s.want(t, Shutdown)
		}
	}
}

// conclude ends an update; a failed one is rolled back or pauses. The caller holds the lock.
func (s *Swarm) conclude(v *service, u *update, err error) {
	s.events++
	rollback := u.phase == RollbackStarted
	switch {
	case err == nil && rollback:
		u.phase = RollbackCompleted
	case err == nil:
		u.phase = Completed
	case rollback:
		u.phase = RollbackPaused
	case !v.spec.Rollback:
		u.phase = Paused
	default:
		u.phase = Paused
		v.target = v.previous
		s.say(v, "%s: the update failed and is rolled back", v.spec.Name)
		s.pursue(v, RollbackStarted)
		return
	}
	s.say(v, "%s: %s", v.spec.Name, u.phase)
}
