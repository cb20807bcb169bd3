package sim_test

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

func Example() {
	ctx, end := context.WithTimeout(context.Background(), time.Minute)
	defer end()
	sw := sim.New(sim.Options{
		Timing: sim.Measured().Divided(50),
		Services: []sim.Service{{Name: "web", Replicas: 3, Parallelism: 2, Checked: true, Labels: map[string]string{
			"traefik.enable":                "true",
			"traefik.http.routers.web.rule": "PathPrefix(`/`)",
		}}},
	})
	var g errgroup.Group
	g.Go(func() error { return sw.Run(ctx) })
	if err := sw.Settled(ctx, "web"); err != nil { // all replicas are running
		fmt.Println(err)
	}

	source := sw.Watch() // or sw.Poll(15 * time.Second)
	shown := make(chan discovery.Snapshot)
	g.Go(func() error {
		defer close(shown)
		return source.Run(ctx, func(s discovery.Snapshot) { shown <- s })
	})
	first := <-shown
	fmt.Println(first.Routers[0].Rule, "has", len(first.Services[0].Tasks), "tasks")

	if err := sw.Update("web"); err != nil {
		fmt.Println(err)
	}
	for s := range shown {
		for _, t := range s.Services[0].Tasks {
			if t.State == discovery.Leaving {
				fmt.Println("a task has been told to stop")
				end()
				for range shown {
				}
				if err := g.Wait(); err != nil {
					fmt.Println(err)
				}
				return
			}
		}
	}
	// Output:
	// PathPrefix(`/`) has 3 tasks
	// a task has been told to stop
}
