package balancer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// told reports whether a backend's streams have been told to go.
func told(b *Backend) bool {
	select {
	case <-b.Departure():
		return true
	default:
		return false
	}
}

func stopping(grace time.Duration) func(*discovery.Task) {
	return func(t *discovery.Task) { t.State, t.StopGrace = discovery.Leaving, grace }
}

func stayingService(ts ...discovery.Task) discovery.Service {
	s := stickyService(ts...)
	s.Sticky.OnDrain = discovery.Stay
	return s
}

func TestStreamsAreToldToGoWhenTheirTaskDrains(t *testing.T) {
	s := adopted(nil, stickyService(tasks(2)...))
	b, other := backendOf(t, s.Pool("shop"), "t1"), backendOf(t, s.Pool("shop"), "t2")
	if told(b) {
		t.Fatal("told before it drains")
	}
	s = adopted(s, stickyService(task(1, stopping(time.Hour)), task(2)))
	if !told(b) || told(other) {
		t.Errorf("told: %t, the other task's: %t", told(b), told(other))
	}
	s = follow(s, discovery.Snapshot{Services: []discovery.Service{stickyService(task(2))}, Ended: []string{"t1"}})
	adopted(s, stickyService(task(2, weighing(0))))
	if told(other) {
		t.Error("told because of a weight, or of another task")
	}
}

func TestStreamsOfSessionsThatStayAreToldInTime(t *testing.T) {
	for grace, wait := range map[time.Duration]time.Duration{
		30 * time.Minute: 30*time.Minute - departureMargin,
		6 * time.Second:  3 * time.Second,
		0:                defaultStopGrace / 2,
	} {
		synctest.Test(t, func(t *testing.T) {
			leaving := task(1, stopping(grace))
			running := leaving
			running.State = discovery.Running
			s := adopted(nil, stayingService(running))
			seenBefore := backendOf(t, s.Pool("shop"), "t1")
			adopted(s, stayingService(leaving))
			seenLeaving := backendOf(t, adopted(nil, stayingService(leaving)).Pool("shop"), "t1")
			pass(wait - time.Millisecond)
			if told(seenBefore) || told(seenLeaving) {
				t.Errorf("grace %v: told too early", grace)
			}
			pass(time.Millisecond)
			if !told(seenBefore) || !told(seenLeaving) {
				t.Errorf("grace %v: not told in time", grace)
			}
		})
	}
}

func TestStreamsAreToldAtOnceWhenTheirTaskHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adopted(nil, stayingService(task(1, stopping(time.Hour))))
		b := backendOf(t, s.Pool("shop"), "t1")
		s = adopted(s) // its labels are taken away meanwhile
		if told(b) {
			t.Fatal("told because of labels")
		}
		s = adopted(s, stayingService(task(1, stopping(time.Hour))))
		b = backendOf(t, s.Pool("shop"), "t1")
		follow(s, discovery.Snapshot{Ended: []string{"t1"}})
		if !told(b) {
			t.Error("not told")
		}
		pass(time.Hour) // the timer must not tell it twice
	})
}
