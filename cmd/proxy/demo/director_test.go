package demo

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// directed is a director of a small cluster that has come to rest.
func directed(t *testing.T) (*director, context.Context) {
	t.Helper()
	sw := sim.New(sim.Options{
		Timing:   sim.Measured().Divided(50),
		Services: []sim.Service{{Name: serviceName, Replicas: replicas, Parallelism: 3, Checked: true, Rollback: true}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error)
	go func() { ended <- sw.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	if err := sw.Settled(ctx, serviceName); err != nil {
		t.Fatal(err)
	}
	return &director{swarm: sw, journal: newJournal(), replicas: replicas}, ctx
}

func TestEachKeyDoesWhatTheScreenSays(t *testing.T) {
	d, ctx := directed(t)
	if d.act('x') {
		t.Error("x stands for something")
	}
	for _, c := range []struct {
		key  rune
		then func() bool
	}{
		{'u', func() bool { p, _ := d.swarm.Phase(serviceName); return p == sim.Completed }},
		{'b', func() bool { p, _ := d.swarm.Phase(serviceName); return p == sim.RollbackCompleted }},
		{'s', func() bool { return d.wanted() == replicas/2 }},
		{'s', func() bool { return d.wanted() == replicas }},
		{'n', func() bool { away, _ := d.lost(); return away != "" && !d.settled(ctx) }},
		{'n', func() bool { away, _ := d.lost(); return away == "" }},
	} {
		if !d.act(c.key) {
			t.Errorf("%c stands for nothing", c.key)
		}
		if err := d.swarm.Settled(ctx, serviceName); err != nil {
			t.Fatal(err)
		}
		if !c.then() {
			t.Errorf("%c did not do what it says", c.key)
		}
	}
	before := running(d.swarm)
	d.act('k')
	if err := d.swarm.Settled(ctx, serviceName); err != nil {
		t.Fatal(err)
	}
	for after := before; after == before; after = running(d.swarm) {
		if ctx.Err() != nil {
			t.Fatal("k killed nothing")
		}
	}
	if all, _ := d.journal.since(0); len(all) != 0 {
		t.Errorf("errors: %v", all)
	}
}

func running(s *sim.Swarm) int {
	n := 0
	for _, t := range s.Tasks() {
		if t.State == sim.Running {
			n++
		}
	}
	return n
}
