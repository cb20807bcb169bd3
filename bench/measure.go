//go:build linux

package main

import (
	"fmt"
	"time"
)

// A reading is what one peer used in one run of a scenario.
type reading struct {
	cpu    time.Duration // for each request
	rate   float64       // requests a second
	busy   float64       // part of the core that the peer used
	others float64       // part of the core that others took meanwhile
}

// warmUp is how long a load runs before it is measured.
const warmUp = 500 * time.Millisecond

// measure loads a peer for so long and reads what it used.
func measure(l *loop, p *peer, core int, s scenario, length time.Duration) (reading, error) {
	var r reading
	d, err := open(l, p.port, s)
	if err != nil {
		return r, err
	}
	defer d.close()
	if err := d.start(); err != nil {
		return r, err
	}
	if err := d.run(warmUp, never); err != nil {
		return r, err
	}
	before, err := snap(p, core)
	if err != nil {
		return r, err
	}
	d.answered = 0
	if err := d.run(length, never); err != nil {
		return r, err
	}
	after, err := snap(p, core)
	if err != nil {
		return r, err
	}
	if d.answered == 0 {
		return r, fmt.Errorf("%s: nothing was answered", s.name)
	}
	if n := d.backends(); n != 3 {
		return r, fmt.Errorf("%s: %d backends answered, want 3", s.name, n)
	}
	took, used := after.at.Sub(before.at), after.peer-before.peer
	return reading{
		cpu:    used / time.Duration(d.answered),
		rate:   float64(d.answered) / took.Seconds(),
		busy:   used.Seconds() / took.Seconds(),
		others: max(0, (after.core-before.core-used).Seconds()/took.Seconds()),
	}, nil
}

// counters are what is read before and after.
type counters struct {
	at         time.Time
	peer, core time.Duration
}

func snap(p *peer, core int) (c counters, err error) {
	c.at = time.Now()
	if c.peer, err = cpuTime(p.cmd.Process.Pid); err != nil {
		return c, err
	}
	c.core, err = coreTime(core)
	return c, err
}

// A footprint is a peer's memory in KB.
type footprint struct {
	start   int     // after the first answer
	perIdle float64 // for each idle connection
}

// settled is how long memory is given to come to rest.
const settled = time.Second

// weigh reads a fresh peer's memory, then holds idle connections, each of which has had one
// answer, and reads it again.
func weigh(l *loop, p *peer, conns int) (f footprint, err error) {
	time.Sleep(settled)
	if f.start, err = resident(p.cmd.Process.Pid); err != nil {
		return f, err
	}
	const rate = 2000 // so that they are not all at work at once
	d, err := open(l, p.port, scenario{name: "idle connections", target: small, size: smallSize, conns: conns, rate: rate, total: conns})
	if err != nil {
		return f, err
	}
	defer d.close()
	if err := d.start(); err != nil {
		return f, err
	}
	if err := d.run(30*time.Second, func() bool { return d.answered == conns }); err != nil {
		return f, err
	}
	if d.answered < conns {
		return f, fmt.Errorf("idle connections: %d of %d were answered", d.answered, conns)
	}
	time.Sleep(settled)
	held, err := resident(p.cmd.Process.Pid)
	f.perIdle = float64(held-f.start) / float64(conns)
	return f, err
}
