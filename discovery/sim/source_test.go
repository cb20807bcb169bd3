package sim

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// seen collects what a source applies.
type seen struct {
	mu   sync.Mutex
	last discovery.Snapshot
	more chan struct{} // gets one after each apply
}

func follow(l life, source discovery.Source) *seen {
	s := &seen{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(l.ctx)
	ended := make(chan error)
	go func() {
		ended <- source.Run(ctx, func(snapshot discovery.Snapshot) {
			s.mu.Lock()
			s.last = snapshot
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
		})
	}()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Errorf("a source whose context ended returned %v", err)
		}
	})
	return s
}

func (s *seen) tasks() []discovery.Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last.Services) == 0 {
		return nil
	}
	return s.last.Services[0].Tasks
}

// until waits for a snapshot whose tasks are as wanted.
func (s *seen) until(l life, what string, met func([]discovery.Task) bool) {
	l.t.Helper()
	for !met(s.tasks()) {
		select {
		case <-s.more:
		case <-l.ctx.Done():
			l.t.Fatalf("no snapshot came in which %s; the last: %+v", what, s.tasks())
		}
	}
}

func count(state discovery.State) func([]discovery.Task) int {
	return func(tasks []discovery.Task) int {
		n := 0
		for _, t := range tasks {
			if t.State == state {
				n++
			}
		}
		return n
	}
}

func TestWatchShowsATaskLeavingBeforeItsSIGTERM(t *testing.T) {
	l := begin(t, Service{Replicas: 2, Checked: true})
	s := follow(l, l.Watch())
	s.until(l, "both run", func(ts []discovery.Task) bool { return count(discovery.Running)(ts) == 2 })
	l.must(l.Scale("web", 1))
	s.until(l, "one is leaving", func(ts []discovery.Task) bool { return count(discovery.Leaving)(ts) == 1 })
	if leaving := l.services[0].tasks[1]; leaving.process.signalled.Load() {
		t.Error("it had its SIGTERM before the source said so")
	}
	s.until(l, "it is gone", func(ts []discovery.Task) bool { return len(ts) == 1 })
}

func TestWatchShowsAddressesThatAnswer(t *testing.T) {
	l := begin(t, Service{Replicas: 2})
	s := follow(l, l.Watch())
	s.until(l, "both run", func(ts []discovery.Task) bool { return count(discovery.Running)(ts) == 2 })
	for _, task := range l.alive() {
		for _, listed := range s.tasks() {
			if listed.ID == task.ID && listed.Address.HostPort != task.Address.String() {
				t.Errorf("%s is listed at %s, and is at %s", task.Name(), listed.Address.HostPort, task.Address)
			}
		}
	}
}

func TestPollIsStaleUntilItsNextListing(t *testing.T) {
	l := begin(t, Service{Replicas: 2})
	interval := 2 * time.Second
	s := follow(l, l.Poll(interval))
	s.until(l, "both run", func(ts []discovery.Task) bool { return len(ts) == 2 })
	l.must(l.Scale("web", 1))
	gone := l.services[0].tasks[1]
	<-gone.process.dead
	if len(s.tasks()) != 2 {
		t.Fatal("the poll knew of a stopped task before its interval")
	}
	s.until(l, "one is left", func(ts []discovery.Task) bool { return len(ts) == 1 && ts[0].State == discovery.Running })
}
