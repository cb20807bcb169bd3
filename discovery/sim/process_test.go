package sim

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

func TestMannersDecideWhatSIGTERMCosts(t *testing.T) {
	for _, c := range []struct {
		name    string
		manners Manners
		cut     int64
		accepts bool // new requests after SIGTERM
	}{
		{"graceful", Graceful, 0, false},
		{"abrupt", Abrupt, 1, false},
		{"stubborn", Stubborn, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := begin(t, Service{Replicas: 1, Checked: true, Manners: c.manners, Work: 250 * time.Millisecond})
			old := l.services[0].tasks[0]
			l.must(l.Update("web"))
			l.until("the old task is told to stop", func([]*task) bool { return old.desired == Shutdown })
			var asking sync.WaitGroup
			asking.Go(func() { _, _ = l.get(old.seen(), time.Second) }) // in flight when SIGTERM comes
			defer asking.Wait()
			eventually(t, "SIGTERM came", old.process.signalled.Load)
			if old.process.inFlight.Load() != 1 && c.manners != Abrupt {
				t.Fatal("the request did not meet the event")
			}
			if c.accepts {
				if _, err := l.get(old.seen(), 2*time.Second); err != nil {
					t.Errorf("a new request after SIGTERM: %v", err)
				}
			} else {
				eventually(t, "it takes no new request", func() bool {
					_, err := l.get(old.seen(), 2*time.Second)
					return err != nil
				})
			}
			l.settle()
			got := l.counters(old.id)
			if got.Cut != c.cut || c.accepts && got.Late == 0 {
				t.Errorf("counted %+v, want %d cut and late ones: %v", got, c.cut, c.accepts)
			}
		})
	}
}

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestWithoutHealthcheckATaskRunsBeforeItsPortAccepts(t *testing.T) {
	l := begin(t, Service{Replicas: 1})
	l.must(l.Scale("web", 2))
	l.until("the second is running", func(tasks []*task) bool { return len(tasks) == 2 && tasks[1].state == Running })
	fresh := l.alive()[1]
	if _, err := l.get(fresh, time.Second); err == nil {
		t.Error("its app answers at once; want its port refused while it boots")
	}
	eventually(t, "it answers", func() bool {
		_, err := l.get(fresh, time.Second)
		return err == nil
	})
}

func TestALostNodeHangsAndItsTasksAreReplacedElsewhere(t *testing.T) {
	l := begin(t, Service{Replicas: 3, Checked: true, Work: time.Second})
	victim, before := l.services[0].tasks[0], l.alive()[0]
	node := before.Node
	kept, err := net.Dial("tcp", before.Address.String())
	l.must(err)
	defer kept.Close()
	_, err = kept.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	l.must(err)
	eventually(t, "it works on a request", func() bool { return l.alive()[0].InFlight == 1 })

	l.must(l.LoseNode(node))
	var timeout net.Error
	if _, err := net.DialTimeout("tcp", before.Address.String(), 50*time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a dial to it: %v, want a time-out", err)
	}
	_ = kept.SetReadDeadline(time.Now().Add(victim.service.spec.Work + 100*time.Millisecond))
	if n, err := kept.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the request that it had: %d bytes, %v; want silence", n, err)
	}

	l.until("the managers notice", func([]*task) bool { return victim.desired == Shutdown })
	l.settle()
	successor := l.alive()[1]
	if successor.Slot != victim.slot || successor.Node == node {
		t.Errorf("slot %d has %+v, want a task on another node than %s", victim.slot, successor, node)
	}
	if seen := l.alive()[0]; seen.ID != victim.id || seen.State != Running || seen.Desired != Shutdown {
		t.Errorf("the lost task is %+v, want it running as far as anyone knows, and unwanted", seen)
	}

	l.must(l.RestoreNode(node))
	_ = kept.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := kept.Read(make([]byte, 1)); err != nil {
		t.Errorf("what hung does not go on: %v", err)
	}
	l.until("the lost task has stopped", func([]*task) bool { return victim.state == Shutdown })
}

func TestANodeThatIsBackInTimeLosesNothing(t *testing.T) {
	l := begin(t, Service{Replicas: 3, Checked: true})
	before := l.alive()
	l.must(l.LoseNode("node-1"))
	answered := make(chan error)
	go func() {
		_, err := l.get(before[0], 10*time.Second)
		answered <- err
	}()
	l.must(l.RestoreNode("node-1"))
	if err := <-answered; err != nil {
		t.Errorf("a request that was sent meanwhile: %v", err)
	}
	time.Sleep(l.timing.NodeDown + l.timing.NodeDown/10) // nothing is to happen
	if after := l.alive(); len(after) != 3 || after[0].ID != before[0].ID {
		t.Errorf("tasks were replaced: %+v", after)
	}
}
