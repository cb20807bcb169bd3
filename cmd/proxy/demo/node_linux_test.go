package demo

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// loaded is a simulated cluster with a lane of clients, each of which was answered. It lives until the test ends.
func loaded(t *testing.T, timing sim.Timing) (*sim.Swarm, *lane) {
	t.Helper()
	swarm := sim.New(sim.Options{Services: []sim.Service{app()}, Timing: timing})
	l, err := newLane("Fairlead", swarm.Watch(), 0, 0, quiet())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all errgroup.Group
	t.Cleanup(func() {
		cancel()
		if err := all.Wait(); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() error { return swarm.Run(ctx) })
	if err := swarm.Settled(ctx, serviceName); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	all.Go(func() error {
		defer close(ended)
		return l.proxy.Run(ctx)
	})
	all.Go(func() error { return l.load(ctx, ended) })
	eventually(t, "each client has been answered", func() bool {
		n := 0
		for _, clients := range l.view().sessions {
			n += clients
		}
		return n == clientCount
	})
	return swarm, l
}

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestALostNodeCostsNoRequestThatMayBeSentAgain(t *testing.T) {
	t.Parallel()
	timing := sim.Measured()
	timing.NodeDown = time.Hour // nobody says so: the connections themselves have to
	swarm, l := loaded(t, timing)
	lost := map[string]bool{}
	eventually(t, "requests are at work on the node", func() bool {
		n := int64(0)
		for _, task := range swarm.Tasks() {
			if task.Node == "node-1" {
				lost[task.Container] = true
				n += task.InFlight
			}
		}
		return n > 2
	})
	if before := l.view().tally; before.failed > 0 || before.slow > 0 {
		t.Fatalf("before anything happened: %+v", before)
	}
	if err := swarm.LoseNode("node-1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its clients are served elsewhere", func() bool {
		for container := range l.view().sessions {
			if lost[container] {
				return false
			}
		}
		return true
	})
	after := l.view()
	if after.tally.slow == 0 {
		t.Error("no request met the event")
	}
	if other := after.tally.failed - after.tally.posts; other > 0 {
		t.Errorf("%d requests failed that could have been sent again: %+v", other, after.failures)
	}
	t.Logf("%+v", after.tally)
}
