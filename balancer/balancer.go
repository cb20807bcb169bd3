// Package balancer decides which backend a request goes to.
//
// A Backend is a task as the balancer sees it: the only thing here with moving parts. A
// Pool is the backends of one service and never changes; a Set is the pools of one table.
// Whoever learns of a new snapshot builds a Set from it and from the Set before, has it
// adopted and stored, and gives it to Checks:
//
//	set := balancer.Build(snapshot, previous, options)
//	set.Adopt(func() { current.Store(set) })
//	checks.Watch(set)
//
// A request takes a backend from the pool of its service, and gives it back:
//
//	var tried balancer.Tried
//	choice, ok := current.Load().Pool(service).Take(pin, client, &tried)
//	if ok {
//		defer choice.Backend.Release()
//	}
//
// Taking one needs no lock and allocates nothing. The package knows nothing of HTTP nor
// of cookies: links, probes and dials are given to it.
package balancer

import "time"

const (
	// lastGrace is how long a service's last ready backend goes on taking requests after it
	// began to drain. Swarm's stop signal reaches a process 3 s after the task's departure
	// is decided; the second that is left is for hearing of it late.
	lastGrace = 2 * time.Second

	// backstopMargin is added to a task's stop grace period for the time after which
	// nothing of a drain can be left: the grace period begins with the stop signal, seconds
	// after the drain.
	backstopMargin = 10 * time.Second

	// departureMargin is how long before a task is killed its long streams are told to go, where its
	// sessions stay on it until then; half the stop grace period if that is less.
	departureMargin = 10 * time.Second

	// defaultStopGrace is Docker's, for tasks that do not set one.
	defaultStopGrace = 10 * time.Second

	// agreeTime is within which all proxies have learned of a change. A pin that names a task which one
	// of them does not know may come from another that knows more: to replace it sooner would be to
	// fight over the cookie.
	agreeTime = 3 * time.Second

	// ejectAfter failed dials in a row take a backend out of service. One may be a lost SYN.
	ejectAfter = 2
)
