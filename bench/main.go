//go:build linux

// Command bench measures Fairlead, nginx and HAProxy side by side: CPU time a request, and
// memory. bench/run builds and calls it; docs/benchmarks.md says what it does and what came out.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// plan is what is measured.
type plan struct {
	rounds  int
	length  time.Duration // of each run
	idle    int           // connections held
	core    int           // of the peers
	command string        // for the report
	profile string        // file for a profile of Fairlead's CPU time; none if empty
}

var scenarios = []scenario{
	{name: "64-byte answers, as fast as it goes", target: small, size: smallSize, conns: 64},
	{name: "64-byte answers, 4,000 a second", target: small, size: smallSize, conns: 64, rate: 4000},
	{name: "100 KB answers, as fast as it goes", target: large, size: largeSize, conns: 64},
	{name: "100 KB answers, 4,000 a second", target: large, size: largeSize, conns: 64, rate: 4000},
	{name: "1 MB uploads, as fast as it goes", target: small, size: smallSize, upload: 1 << 20, conns: 16},
}

func main() {
	var p plan
	fairlead := flag.String("fairlead", "", "the `binary` to measure")
	flag.IntVar(&p.rounds, "rounds", 10, "how often each peer has its turn")
	flag.DurationVar(&p.length, "time", 2*time.Second, "how long each run is measured")
	flag.IntVar(&p.idle, "idle", 4000, "how many idle connections are held")
	flag.IntVar(&p.core, "core", 0, "the core of the peers; bench itself must run on others")
	flag.StringVar(&p.profile, "profile", "", "also write a CPU profile of Fairlead at 64 bytes to this `file`")
	flag.StringVar(&p.command, "command", "bench/run", "what the report says how it was made")
	flag.Parse()
	if err := run(p, *fairlead); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(p plan, fairlead string) (err error) {
	// The sockets of this process are handled by one thread; it shares its core with nothing else of it.
	runtime.LockOSThread()
	dir, err := os.MkdirTemp("", "fairlead-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := newLoop()
	if err != nil {
		return err
	}
	backends, err := startBackends(l, 3)
	if err != nil {
		return err
	}
	all := peers(fairlead)
	results := newResults(p, all)
	for round := range p.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, p.rounds)
		if err := turn(l, p, all, round, filepath.Join(dir, fmt.Sprint(round)), backends, results); err != nil {
			return err
		}
	}
	fmt.Print(results.markdown())
	if p.profile == "" {
		return nil
	}
	return profile(l, p, all[0], dir, backends)
}

// turn is one round: all peers are started, weighed, and loaded in turn, one scenario after the
// other. Who comes first changes from round to round.
func turn(l *loop, p plan, all []*peer, round int, dir string, backends []*backend, to *results) (err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	order := append(append([]*peer{}, all[round%len(all):]...), all[:round%len(all)]...)
	for _, peer := range order {
		if err := peer.start(l, dir, p.core, backends); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, peer.stop()) }()
	}
	for _, peer := range order {
		f, err := weigh(l, peer, p.idle)
		if err != nil {
			return fmt.Errorf("%s: %w", peer.name, err)
		}
		to.footprints[peer] = append(to.footprints[peer], f)
	}
	for i, s := range scenarios {
		for _, peer := range order {
			r, err := measure(l, peer, p.core, s, p.length)
			if err != nil {
				return fmt.Errorf("%s: %w", peer.name, err)
			}
			to.readings[peer][i] = append(to.readings[peer][i], r)
			fmt.Fprintf(os.Stderr, "  %-36s %-9s %6.1f us, %6.0f/s, core %3.0f %%, others %3.0f %%\n",
				s.name, peer.name, float64(r.cpu)/1e3, r.rate, 100*r.busy, 100*r.others)
		}
	}
	return nil
}
