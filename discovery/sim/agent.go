package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Reasons why an agent's wait ended early.
var (
	errUnwanted = errors.New("no longer wanted")
	errDied     = errors.New("the process has ended")
)

// live is the agent: one task's life from its creation to its end.
func (s *Swarm) live(ctx context.Context, t *task) error {
	p := newProcess(t.container, t.service.spec)
	defer p.close()
	err := s.start(ctx, t, p)
	if err == nil {
		err = s.pass(ctx, t, forever)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errUnwanted):
		return s.stop(ctx, t, p)
	default:
		return s.die(ctx, t, p)
	}
}

// start brings a task to RUNNING.
func (s *Swarm) start(ctx context.Context, t *task, p *process) error {
	if err := s.prepare(ctx, t); err != nil {
		return err
	}
	if err := p.reserve(); err != nil {
		return fmt.Errorf("task %s: %w", t.name(), err)
	}
	err := s.report(ctx, t, Starting, func() { t.process = p })
	if err != nil {
		return err
	}
	if !t.service.spec.Checked {
		if t.generation.broken {
			p.kill()
			return errDied
		}
		if err := s.report(ctx, t, Running, nil); err != nil {
			return err
		}
		if err := s.pass(ctx, t, s.timing.Boot); err != nil {
			return err
		}
		return s.listen(ctx, t, p)
	}
	if err := s.pass(ctx, t, s.timing.Boot); err != nil {
		return err
	}
	if err := s.listen(ctx, t, p); err != nil {
		return err
	}
	return s.check(ctx, t, p)
}

// prepare brings a task to a node and to READY, and waits until it shall run.
func (s *Swarm) prepare(ctx context.Context, t *task) error {
	err := s.await(ctx, func() bool {
		if t.desired <= Running {
			t.node = s.place(t.service)
		}
		return t.desired > Running || t.node != nil
	})
	switch {
	case err != nil:
		return err
	case t.node == nil: // written by this agent alone
		return errUnwanted
	}
	if err := s.report(ctx, t, Preparing, nil); err != nil {
		return err
	}
	if err := s.pass(ctx, t, s.timing.Prepare); err != nil {
		return err
	}
	if err := s.report(ctx, t, Ready, nil); err != nil {
		return err
	}
	unwanted := false
	err = s.await(ctx, func() bool {
		unwanted = t.desired > Running
		return t.desired >= Running
	})
	if err == nil && unwanted {
		return errUnwanted
	}
	return err
}

// listen opens the process's port, unless the node was lost before it could.
func (s *Swarm) listen(ctx context.Context, t *task, p *process) error {
	var err error
	if lost := s.await(ctx, func() bool {
		if t.node.lost {
			return false
		}
		err = p.listen(t.node.gate)
		return true
	}); lost != nil {
		return lost
	}
	return err
}

// check is HEALTHCHECK at its beginning: it makes a task RUNNING, or ends it.
func (s *Swarm) check(ctx context.Context, t *task, p *process) error {
	if err := s.pass(ctx, t, s.timing.HealthInterval-s.timing.Boot); err != nil {
		return err
	}
	if !t.generation.broken {
		return s.report(ctx, t, Running, nil)
	}
	for range s.timing.HealthRetries - 1 {
		if err := s.pass(ctx, t, s.timing.HealthInterval); err != nil {
			return err
		}
	}
	p.kill()
	return errDied
}

// stop is the end of a task that is no longer wanted.
func (s *Swarm) stop(ctx context.Context, t *task, p *process) error {
	if p.started() {
		if err := p.lasts(ctx, s.timing.Signal); err != nil {
			return err
		}
		if err := p.terminate(ctx, t.service.spec.stopGrace()); err != nil {
			return err
		}
		if err := sleep(ctx, s.timing.Exit); err != nil {
			return err
		}
	}
	return s.report(ctx, t, Shutdown, nil)
}

// die is the end of a task whose process ended by itself.
func (s *Swarm) die(ctx context.Context, t *task, p *process) error {
	p.kill()
	if err := sleep(ctx, s.timing.Exit); err != nil {
		return err
	}
	return s.report(ctx, t, Failed, func() { s.failed(t) })
}

// forever is long enough for any process.
const forever = time.Duration(math.MaxInt64)

// pass lets d go by. It ends early, with the reason, when the agent hears that the task is unwanted
// or finds its process dead.
func (s *Swarm) pass(ctx context.Context, t *task, d time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var early error
	err := s.await(wait, func() bool {
		switch {
		case t.process != nil && t.process.ended():
			early = errDied
		case t.desired > Running && !t.node.lost:
			early = errUnwanted
		}
		return early != nil
	})
	if err != nil && ctx.Err() == nil {
		return nil // d has gone by
	}
	if err != nil {
		return err
	}
	return early
}

// report tells the manager of a new state, together with what else changes by it, as soon as
// the node can reach it.
func (s *Swarm) report(ctx context.Context, t *task, state State, also func()) error {
	return s.await(ctx, func() bool {
		if t.node != nil && t.node.lost {
			return false
		}
		s.enter(t, state)
		if also != nil {
			also()
		}
		return true
	})
}
