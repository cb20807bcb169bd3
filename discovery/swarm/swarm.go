// Package swarm takes snapshots of a Docker Swarm from the API of one of its managers.
//
// The truth is always a listing of the whole cluster; an event only says "look again".
// One listing is at most four calls, whatever the cluster's size. Between the engine's answer
// and labels.Convert stand the parts that remember: which labels a task was born under
// (generations), which tasks have left the list but not yet ended (departures), and which of
// the tasks is this very process (own).
//
// Only this package speaks to the engine, and it never asks for /containers or /images: behind
// a socket proxy those may be another node's.
package swarm

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// Options of a Source. The zero value reads the local engine.
type Options struct {
	// Endpoint of a manager's engine: unix:///path, tcp://host:port. "": unix:///var/run/docker.sock.
	Endpoint string
	// Interval between the starts of two listings in quiet times; 0: 1 s. At most 1.5 s, because a
	// leaving task must be noticed before Swarm sends it its stop signal (3.2 s after its decision).
	Interval time.Duration
	// UpdateInterval is the same after an event and while a service is being updated; 0: 200 ms.
	UpdateInterval time.Duration
	// ControlSocket is the path of the manager's control socket, for the task watch; "": none.
	ControlSocket string
	// Labels says how labels are read. Its Shared is found out here, from the proxy's own task.
	Labels labels.Options
	// Self tells this process apart from other tasks; nil: FindSelf.
	Self func() Self
	Log  zerolog.Logger

	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
}

const (
	defaultEndpoint       = "unix:///var/run/docker.sock"
	defaultInterval       = time.Second
	defaultUpdateInterval = 200 * time.Millisecond
	longestInterval       = 1500 * time.Millisecond
)

// Source is the discovery.Source of a Swarm. Make it with New.
type Source struct {
	options Options

	// Of Run's goroutine alone.
	engine   *engine // nil: to be connected anew
	memory   *memory
	pace     pace
	outage   outage
	known    *view               // by the last listing; nil: none yet
	last     *discovery.Snapshot // as applied; nil: none yet
	shown    view                // what was converted last
	problems []discovery.Problem // of the engine, likewise
	away     bool                // the cluster does not answer
	asked    time.Time           // when the last listing that was answered began

	names *names
	watch *watch
	from  *listing      // of the watch, as learned last; nil: the last was the engine's
	busy  time.Duration // how long the last turn of the watch took

	wake  chan struct{} // to look again
	stale atomic.Bool   // the event stream ended: the engine may have been upgraded meanwhile
	deaf  atomic.Bool   // the engine refuses to tell its events

	mu     sync.Mutex
	status discovery.Status
}

// New checks the options; it does not speak to the engine.
func New(o Options) (*Source, error) {
	if o.Endpoint == "" {
		o.Endpoint = defaultEndpoint
	}
	if _, err := client.ParseHostURL(o.Endpoint); err != nil {
		return nil, fmt.Errorf("swarm endpoint %q: %w; write unix:///var/run/docker.sock or tcp://host:port", o.Endpoint, err)
	}
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	if o.UpdateInterval == 0 {
		o.UpdateInterval = min(defaultUpdateInterval, o.Interval)
	}
	for name, d := range map[string]time.Duration{"interval": o.Interval, "update interval": o.UpdateInterval} {
		if d < 0 || d > longestInterval {
			return nil, fmt.Errorf("swarm %s %s: must lie between 0 and %s, or tasks are stopped before they are seen to leave", name, d, longestInterval)
		}
	}
	if o.Self == nil {
		o.Self = FindSelf
	}
	if o.lookup == nil {
		o.lookup = askEngine
	}
	return &Source{
		options: o,
		memory:  newMemory(),
		pace:    pace{interval: o.Interval, update: min(o.UpdateInterval, o.Interval)},
		outage:  outage{log: o.Log, endpoint: o.Endpoint},
		names:   newNames(o.lookup),
		watch:   newWatch(o.ControlSocket, o.Log),
		wake:    make(chan struct{}, 1),
	}, nil
}

// Status tells how fresh the snapshots are. It may be called at any time, from anywhere.
func (s *Source) Status() discovery.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run implements discovery.Source. An engine that is away, hangs or talks nonsense is waited for,
// for ever; Run never returns an error but for options that no engine could satisfy.
func (s *Source) Run(ctx context.Context, apply func(discovery.Snapshot)) error {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	helpers.Go(func() { s.listen(ctx) })
	if s.options.ControlSocket != "" {
		helpers.Go(func() { s.watch.run(ctx) })
	}
	defer func() {
		cancel()
		helpers.Wait()
		s.names.askers.Wait()
		s.disconnect()
	}()
	for ctx.Err() == nil {
		started := time.Now()
		next, err := s.turn(ctx, apply)
		if err != nil {
			return err
		}
		s.sleep(ctx, started, next, apply)
	}
	return nil
}

// turn takes what the watch knows, or lists once, and applies what is new. It returns when the next turn is due.
func (s *Source) turn(ctx context.Context, apply func(discovery.Snapshot)) (time.Time, error) {
	started := time.Now()
	if l := s.watch.listing(); l != nil {
		s.seen(started)
		if l != s.from {
			s.from = l
			s.learn(*l)
		}
		s.publish(ctx, apply)
		s.busy = time.Since(started)
		return started.Add(s.options.Interval), nil
	}
	s.from, s.busy = nil, 0
	if s.stale.Swap(false) {
		s.disconnect()
	}
	if s.engine == nil {
		var err error
		if s.engine, err = connect(s.options); err != nil {
			return time.Time{}, err
		}
	}
	l, err := s.list(ctx, apply)
	now := time.Now()
	switch {
	case ctx.Err() != nil:
		return now, nil
	case err != nil:
		s.away = true
		s.disconnect()
		s.report(now, err)
		s.publish(ctx, apply)
		return now.Add(s.outage.failed(now, err)), nil
	}
	s.seen(now)
	s.asked = started
	changed := s.learn(l)
	s.pace.listed(started, now, changed, l.updating())
	s.publish(ctx, apply)
	return s.pace.due(started), nil
}

// list asks the engine, and goes on listening to the names meanwhile: an engine may take long to fail.
func (s *Source) list(ctx context.Context, apply func(discovery.Snapshot)) (l listing, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, err = s.engine.list(ctx, s.memory) // which only reads what publish reads
	}()
	look := time.NewTicker(askEvery)
	defer look.Stop()
	for {
		select {
		case <-done:
			return l, err
		case <-s.names.changed:
			s.pace.woken(time.Now())
			s.publish(ctx, apply)
		case <-look.C: // what has left its name does not wait for ever
			s.publish(ctx, apply)
		}
	}
}

// seen takes note of an answer in full.
func (s *Source) seen(now time.Time) {
	s.away = false
	s.outage.ended(now)
	s.report(now, nil)
}

// learn takes in a listing. It says whether a task has changed.
func (s *Source) learn(l listing) bool {
	tasks := s.memory.learn(l)
	next := &view{listing: l, tasks: tasks, marks: l.marks(tasks)}
	if s.known == nil || next.marks != s.known.marks {
		s.memory.own.find(tasks, s.options.Self)
	}
	changed := s.known == nil || next.marks.tasks != s.known.marks.tasks
	s.known = next
	return changed
}

// publish converts what is known, and applies it if it differs from what was applied last.
func (s *Source) publish(ctx context.Context, apply func(discovery.Snapshot)) {
	if s.known == nil {
		return
	}
	now, v := time.Now(), *s.known
	v.outlook = s.memory.outlook(v.tasks, now)
	asked := s.asked
	if s.from != nil {
		asked = now // the watch tells by itself
	}
	v.absent = s.names.absent(now, asked, s.away)
	problems := s.problems
	if !s.away {
		problems = s.engineProblems(v.listing)
	}
	if s.last != nil && v.equal(s.shown) && slices.Equal(problems, s.problems) {
		return
	}
	s.shown, s.problems = v, problems
	o := s.options.Labels
	o.Shared = s.memory.own.networks
	cluster := s.memory.read(v)
	snapshot := labels.Convert(cluster, o)
	snapshot.Ended = cluster.Ended(s.last)
	snapshot.Problems = discovery.SortProblems(append(snapshot.Problems, problems...))
	if !s.away {
		s.askNames(ctx, v.tasks, snapshot)
	}
	if s.last == nil || !reflect.DeepEqual(*s.last, snapshot) {
		s.last = &snapshot
		apply(snapshot)
	}
}

// engineProblems are those that are not about anybody's labels.
func (s *Source) engineProblems(l listing) []discovery.Problem {
	problems := s.pace.problems()
	if s.deaf.Load() {
		problems = append(problems, deafProblem)
	}
	if l.blind {
		problems = append(problems, blindProblem)
	}
	if s.memory.own.id == "" {
		problems = append(problems, outsideProblem)
	}
	return problems
}

// askNames has the names followed of the services that are routed. Only a task of the cluster can ask.
func (s *Source) askNames(ctx context.Context, tasks []swarm.Task, snapshot discovery.Snapshot) {
	if s.memory.own.id == "" {
		return
	}
	routed := map[string]bool{}
	for _, service := range snapshot.Services {
		for _, t := range service.Tasks {
			routed[t.ID] = t.State == discovery.Running
		}
	}
	services := map[string][]swarm.Task{}
	for _, t := range tasks {
		if routed[t.ID] {
			name := s.memory.generations.services[t.ServiceID].service.Spec.Name
			services[name] = append(services[name], t)
		}
	}
	s.names.follow(ctx, services, func(network string) bool {
		return slices.ContainsFunc(s.memory.own.networks, func(n labels.Network) bool { return n.ID == network })
	})
}

// sleep waits until due, or until something wakes it; not sooner than an update interval after
// started, so that a storm of events is no storm of listings.
func (s *Source) sleep(ctx context.Context, started, due time.Time, apply func(discovery.Snapshot)) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-s.names.changed:
			s.publish(ctx, apply)
			s.sooner(timer, started, due)
		case <-s.watch.changed:
			timer.Reset(time.Until(started.Add(2 * s.busy))) // as long a rest as it worked
		case <-s.wake:
			s.sooner(timer, started, due)
		}
	}
}

// sooner has the engine asked as soon as the pace allows.
func (s *Source) sooner(timer *time.Timer, started, due time.Time) {
	s.pace.woken(time.Now())
	if sooner := s.pace.due(started); sooner.Before(due) {
		timer.Reset(time.Until(sooner))
	}
}

func (s *Source) disconnect() {
	if s.engine != nil {
		s.engine.close()
		s.engine = nil
	}
}

// report keeps the status; nil: the cluster has just answered.
func (s *Source) report(now time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.status = discovery.Status{Seen: now}
	case s.status.Err == nil:
		s.status.Err, s.status.Since = err, now
	default:
		s.status.Err = err
	}
}
