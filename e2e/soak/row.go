//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

// A row is one event that befalls the cluster under load.
type row struct {
	name     string
	service  string // die, linger, patient or everywhere
	replicas int    // before the event, and after it
	event    func(context.Context, *rig) error
	// replaces says that no task of before is there afterwards.
	replaces bool
	// refuses says that the event leaves the app without replicas on purpose, so that requests are to be refused with 503
	// and Retry-After for a while, or with 404 if the event removes the app's labels, too.
	refuses, removes bool
	// kills says that the event ends processes, connections or the network without notice: a request that is not
	// idempotent and was written, or whose answer had begun, may be lost with them, and any that a proxy had in its hands which
	// was killed.
	kills bool
	// stops says that the event stops an engine, which tells its containers to stop and nobody else: requests may reach a
	// task after its stop signal.
	stops bool
	// inTurn has the clients ask the proxies of all nodes in turn. What the event does to the tasks it does to all of
	// them at once, so that a session that is given two new pins has met proxies that do not agree.
	inTurn bool
	// shuts says that at some node nobody can listen for a moment, by the event's own nature: connections may be
	// refused. How long it is goes into the notes.
	shuts bool
}

// play plays the rows one after the other.
func (r *rig) play(ctx context.Context, rows []row) (results []result, err error) {
	for i, w := range rows {
		fmt.Fprintf(os.Stderr, "%s %d/%d %s, %s\n", time.Now().Format(time.TimeOnly), i+1, len(rows), w.name, w.service)
		x, err := r.underLoad(ctx, w, fmt.Sprintf("q%d-", r.played))
		r.played++
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if err != nil {
			x.faults = append(x.faults, err.Error())
		}
		x.print(os.Stderr)
		results = append(results, x)
	}
	return results, nil
}

// underLoad plays one row: the event comes once each replica has served, and the load goes on until a moment after all
// is quiet again. What could not be done is an error; what was lost is in the result.
func (r *rig) underLoad(ctx context.Context, w row, prefix string) (result, error) {
	x := result{row: w}
	if r.service != "" && r.service != global && r.service != w.service {
		if err := r.scale(ctx, 0); err != nil {
			return x, err
		}
	}
	r.service = w.service
	if err := r.scale(ctx, w.replicas); err != nil {
		return x, err
	}
	if err := r.spread(ctx); err != nil {
		return x, err
	}
	var err error
	if x.before, err = r.running(ctx); err != nil {
		return x, err
	}
	run := load.Start(ctx, load.Options{
		URL: "http://edge.test:80/" + w.service + "/", Proxies: r.addresses(), InTurn: w.inTurn, Prefix: prefix, Echo: true,
		Clients: 36, Passers: 2, Talkers: 4, Pause: 60 * time.Millisecond, Work: 100 * time.Millisecond, Slow: time.Second,
	})
	defer run.Stop()
	err = eventually(ctx, "every replica serves", func() bool {
		report := run.Report()
		return len(report.Records) > 100 && len(missing(x.before, report)) == 0
	})
	if err != nil {
		return x, err
	}
	gaps := func() []string { return nil }
	if w.shuts {
		gaps = r.watch(ctx)
	}
	r.killed, r.staying = span{}, span{}
	x.from = time.Now()
	if err = w.event(ctx, r); err == nil {
		err = r.quiet(ctx, w.replicas)
	}
	x.to, x.killed, x.staying, x.proofs = time.Now(), r.killed, r.staying, gaps()
	if err != nil {
		return x, fmt.Errorf("the event: %w", err)
	}
	wait(ctx, time.Second) // the load goes on: what ended badly shows after the end, too
	x.report = run.Stop()
	if x.after, err = r.running(ctx); err != nil {
		return x, err
	}
	if err := x.readLogs(r.logs(), prefix); err != nil {
		return x, err
	}
	if err := x.readJournals(r.journals(), prefix); err != nil {
		return x, err
	}
	x.judge()
	return x, nil
}

// missing are the containers that have answered nothing.
func missing(tasks map[string]task, report load.Report) (none []string) {
	served := report.Served()
	for c := range tasks {
		if served[c] == 0 {
			none = append(none, c)
		}
	}
	return none
}

// wait lets a fault last.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
