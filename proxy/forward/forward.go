// Package forward sends one request to one service: it reads the pin, has the balancer
// pick a backend, sends the request over that backend's connections, and answers. What
// cannot be answered is told to the client by Refuse.
package forward

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/sticky"
)

// A Service is what a table knows of a service. It is never written again.
type Service struct {
	Name string
	Pool *balancer.Pool
	// Cookie is nil unless sessions are kept on their replica.
	Cookie *sticky.Cookie
	// PassHostHeader sends the client's Host on; otherwise the backend's address is sent.
	PassHostHeader bool
	// Observer is told what happens to the service's requests.
	Observer Observer
}

// An Observer counts. Its methods are called by many requests at once.
type Observer interface {
	// Answered: a request was answered with a status, d after its head had come.
	Answered(status int, d time.Duration)
	// Retried: a request goes to a further backend.
	Retried()
	// Moved: a session was given another backend than the one that it was pinned to.
	Moved(why string)
	// Held: so many more requests (or fewer) wait for a backend.
	Held(delta int)
	// Told: a WebSocket's client was told to go; why is drain, lost or leave.
	Told(why string)
}

// Options of a Forwarder.
type Options struct {
	// Service looks a service up in the table of this moment; nil if it has none of the name. It
	// is asked anew for each try, so that a request which waits sees new backends.
	Service func(name string) *Service
	// Changed is closed when a backend became ready or the table was swapped.
	Changed func() <-chan struct{}
	// HoldTime is how long a request may wait for a backend, HoldRequests how many of one service may.
	HoldTime     time.Duration
	HoldRequests int
	// Told is called when the client of a WebSocket to the task is told to go, as Observer's is.
	Told func(t discovery.Task, why string)
}

// A Forwarder sends requests to services. Its handlers may be used by many requests at once.
type Forwarder struct {
	opt   Options
	holds holds
	spare atomic.Int64 // bytes that spools may still keep
}

// New makes a forwarder.
func New(o Options) *Forwarder {
	f := &Forwarder{opt: o}
	f.holds.limit = o.HoldRequests
	f.spare.Store(spoolBudget)
	return f
}

// Handler sends requests to the service of the name, whatever table is in force by then.
func (f *Forwarder) Handler(service string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j := &job{f: f, w: w, r: r, rec: RecordOf(r), name: service}
		j.rec.Service = service
		if err := j.run(); err != nil {
			j.fail(err)
		}
	})
}

// errHeld is a hold that ended without a backend.
func errHeld(service, why string) error {
	return fmt.Errorf("%w: service %s: %s", ErrNoBackend, service, why)
}

// hold waits for a change, for at most left, and no longer than the client does. The caller looks
// again after nil.
func (f *Forwarder) hold(ctx context.Context, svc *Service, changed <-chan struct{}, left time.Duration, gone <-chan error) error {
	if !svc.Pool.Expects() {
		return errHeld(svc.Name, cmp.Or(svc.Pool.Stuck(), "none is on its way"))
	}
	if left <= 0 {
		return errHeld(svc.Name, "none became ready in time")
	}
	if !f.holds.enter(svc.Name) {
		return errHeld(svc.Name, "too many requests wait already")
	}
	defer f.holds.leave(svc.Name)
	svc.Observer.Held(1)
	defer svc.Observer.Held(-1)
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-changed:
		return nil
	case <-timer.C:
		return errHeld(svc.Name, "none became ready in time")
	case err := <-gone:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
