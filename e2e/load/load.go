// Package load is a number of browsers at work: each keeps its cookies, if it keeps any, and one
// connection, sends a request, checks the answer, pauses, and goes on. It notes what became of every
// single request. Nothing is tried again, neither here nor unseen by net/http: what a user
// would have lost counts as lost.
package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// Options of a Run.
type Options struct {
	// URL of the page that is asked for, such as http://localhost:8080/.
	URL string
	// Proxies are addresses to connect to in the URL's place, if there are any: the first that takes a connection
	// has it, as browsers do with a name that has several addresses.
	Proxies []string
	// InTurn has each client ask one proxy after the other instead, a connection to each.
	InTurn bool
	// Clients that keep their cookies, and Passers that keep none; all work at the same time.
	Clients, Passers int
	// Talkers have a WebSocket each, and cookies; e2e/app must be behind.
	Talkers int
	// Prefix of the requests' ids, so that those of several Runs can be told apart in one log.
	Prefix string
	// Pause of a client after an answer, on average.
	Pause time.Duration
	// Work is how long a POST asks the app to take (?ms=); 0: it does not ask.
	Work time.Duration
	// Slow is how long one GET in 50 asks the app to take; 0: none does.
	Slow time.Duration
	// Echo says that the app is e2e/app, which repeats the request's id and the hash of its
	// body; other apps only say which container answers.
	Echo bool
}

// Bounds of a Run, whatever its Options say.
const (
	mostRequests = 60_000
	mostTime     = 5 * time.Minute
	patience     = 20 * time.Second // with one request
	postShare    = 0.3
	slowShare    = 0.02 // of GETs
)

// A Run is load that goes on until Stop, or until its bounds are reached.
type Run struct {
	opt    Options
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu      sync.Mutex
	begun   int
	records []Record
}

// Start lets the clients begin. Stop must be called.
func Start(ctx context.Context, o Options) *Run {
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	r := &Run{opt: o, cancel: cancel}
	for i := range o.Clients {
		r.all.Go(func() { r.browse(ctx, i) })
	}
	for i := range o.Talkers {
		r.all.Go(func() { r.talk(ctx, o.Clients+i) })
	}
	for range o.Passers {
		r.all.Go(func() { r.browse(ctx, Passer) })
	}
	return r
}

// Stop lets each client finish the request that it is at, and returns what became of all.
func (r *Run) Stop() Report {
	r.cancel()
	r.all.Wait()
	return r.Report()
}

// Report is what became of the requests that have ended so far.
func (r *Run) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	records := slices.Clone(r.records)
	slices.SortFunc(records, func(a, b Record) int { return a.Start.Compare(b.Start) })
	return Report{Records: records}
}

// browse is the life of one client.
func (r *Run) browse(ctx context.Context, number int) {
	c := newClient(number, r.opt)
	defer c.close()
	// Clients that begin together would stay together.
	for pause(ctx, r.opt.Pause) {
		n, ok := r.next()
		if !ok {
			return
		}
		method := "GET"
		if rand.Float64() < postShare {
			method = "POST"
		}
		r.note(c.ask(method, fmt.Sprintf("%s%d-%d", r.opt.Prefix, number, n)))
	}
}

func (r *Run) note(x Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, x)
}

// dial connects to the first proxy that takes a connection.
func dial(ctx context.Context, proxies []string, network, address string) (conn net.Conn, err error) {
	if len(proxies) == 0 {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	for _, proxy := range proxies {
		if conn, err = (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, proxy); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// next is the number of the next request; false: there have been enough.
func (r *Run) next() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	return r.begun, r.begun <= mostRequests
}

// pause waits about d; false: ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
