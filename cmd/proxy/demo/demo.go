// Package demo is the command that shows Fairlead on a machine without Docker: a simulated
// Swarm, two proxies in front of it, the same clients at both, and events that a cluster
// has. The proxies are production's, from the snapshot on; what differs between the lanes is what
// their sources know, and when.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// What is shown.
const (
	serviceName  = "web"
	replicas     = 6
	pollInterval = 15 * time.Second      // Traefik's default
	work         = 80 * time.Millisecond // of a replica for an answer: a page of an ordinary app
)

// Run shows the demo until ctx ends, or a key or --duration ends it, which is no error. It
// draws on a terminal, and writes plain lines where in or out is none.
func Run(ctx context.Context, args []string, in, out *os.File) error {
	opt, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if opt.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opt.duration)
		defer cancel()
	}
	s, err := newShow(opt)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "http://%s  Fairlead, in front of %d simulated replicas\n", s.lanes[0].addr, replicas)
	fmt.Fprintf(out, "http://%s  the same proxy, which only learns by a %s poll\n", s.lanes[1].addr, pollInterval)
	if hasKeys && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd())) && os.Getenv("TERM") != "dumb" {
		err = s.draw(ctx, in, out)
	} else {
		err = s.print(ctx, out)
	}
	s.summary(out)
	return err
}

type options struct {
	port     int // 0: 8080, or the next one that is free
	duration time.Duration
}

func parse(args []string, out *os.File) (options, error) {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&o.port, "port", 0, "`port` of loopback that Fairlead listens on (default: 8080, or the next free one)")
	flags.DurationVar(&o.duration, "duration", 0, "end by itself after that `time`, as 30s; 0: run until q or Ctrl-C")
	if err := flags.Parse(args); err != nil {
		return o, fmt.Errorf("demo: %w", err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("demo: unknown argument %q: it takes --port and --duration", flags.Arg(0))
	}
	return o, nil
}

// show is all that runs.
type show struct {
	swarm    *sim.Swarm
	lanes    [2]*lane // Fairlead's and the one that polls
	journal  *journal
	director *director
}

// app is what the cluster runs: replicas that finish nothing once they are told to stop.
func app() sim.Service {
	return sim.Service{
		Name: serviceName, Replicas: replicas, Parallelism: 2, Rollback: true, Checked: true,
		Manners: sim.Abrupt, Work: work,
		Labels: map[string]string{
			"traefik.enable": "true",
			"traefik.http.routers." + serviceName + ".rule":                        "PathPrefix(`/`)",
			"traefik.http.services." + serviceName + ".loadbalancer.sticky.cookie": "true",
		},
	}
}

func newShow(o options) (*show, error) {
	s := &show{journal: newJournal()}
	s.swarm = sim.New(sim.Options{Notify: s.journal.cluster, Services: []sim.Service{app()}})
	s.director = &director{swarm: s.swarm, journal: s.journal, replicas: replicas}
	first, last := o.port, o.port
	if o.port == 0 {
		first, last = 8080, 8099
	}
	var err error
	if s.lanes[0], err = newLane("Fairlead", s.swarm.Watch(), first, last, s.journal.logger()); err != nil {
		return nil, err
	}
	next := s.lanes[0].addr.Port + 1
	s.lanes[1], err = newLane(fmt.Sprintf("%s poll", pollInterval), s.swarm.Poll(pollInterval), next, next+20, quiet())
	return s, err
}

// run lets everything live until ctx ends, and ends it in order: clients, proxies, cluster.
func (s *show) run(ctx context.Context) error {
	background := context.WithoutCancel(ctx)
	clusterCtx, endCluster := context.WithCancel(background)
	defer endCluster()
	var cluster, proxies errgroup.Group
	cluster.Go(func() error { return s.swarm.Run(clusterCtx) })
	proxyCtx, endProxies := context.WithCancel(background)
	defer endProxies()

	clients, clientCtx := errgroup.WithContext(ctx)
	if s.swarm.Settled(ctx, serviceName) == nil {
		for _, l := range s.lanes {
			ended := make(chan struct{})
			proxies.Go(func() error {
				defer close(ended)
				return l.proxy.Run(proxyCtx)
			})
			clients.Go(func() error { return l.load(clientCtx, ended) })
		}
		clients.Go(func() error { return s.director.run(clientCtx) })
	}
	err := clients.Wait()
	endProxies()
	err = errors.Join(err, proxies.Wait())
	endCluster()
	return errors.Join(err, cluster.Wait())
}
