package swarm

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

const (
	// resolver is the engine's own in each container that is attached to a network.
	resolver = "127.0.0.11:53"
	// askEvery is how often a name is asked for, where the names are few enough.
	askEvery = 250 * time.Millisecond
	// askMost is how many questions a second all names make together.
	askMost = 400
	// askPatience bounds a question: a name without a record is passed on to other servers, and takes
	// 10 s to fail where there are none.
	askPatience = time.Second
	// askSeldom is how often, at last, a name is asked for that fails again and again.
	askSeldom = 5 * time.Second
	// unlisted is how long an address that left its name waits for a listing.
	unlisted = time.Second
	// forsaken is how long an address must be out of its name to count as gone while the cluster does not
	// answer. The gossip between nodes takes less to make up its mind, and addresses are not given anew so soon.
	forsaken = 10 * time.Second
)

// names follows the DNS names tasks.<service>: the engine takes a task's address out when it turns
// unhealthy, 2 s before it stops it, and no listing says so. It has them by gossip between the nodes,
// so they are also what is known while the managers do not answer.
//
// Only an address that leaves a name which still has others counts. A name that fails, or has none left,
// says nothing: that is also what an engine in trouble says.
type names struct {
	lookup  func(ctx context.Context, name string) ([]netip.Addr, error)
	changed chan struct{} // an address has left its name, or come back

	mu     sync.Mutex
	asked  map[string]*name // by the name of the service
	askers sync.WaitGroup
}

// name is one that is followed.
type name struct {
	stop  context.CancelFunc
	tasks map[string]sighting // by id
}

// sighting is what a name said of a task.
type sighting struct {
	addresses []netip.Prefix // of the task, with the network that each is of
	seen      bool           // it had one of them
	since     time.Time      // when it had none any more; zero: it has
}

func newNames(lookup func(context.Context, string) ([]netip.Addr, error)) *names {
	return &names{lookup: lookup, changed: make(chan struct{}, 1), asked: map[string]*name{}}
}

// askEngine asks the engine's resolver itself, and keeps nothing: the records say that they hold for 600 s.
func askEngine(ctx context.Context, name string) ([]netip.Addr, error) {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, resolver)
	}}
	return r.LookupNetIP(ctx, "ip4", name)
}

// follow asks for the names of these services, and of no others, from now on until ctx ends. Their
// tasks are the running ones, with the networks on which we reach them.
func (n *names) follow(ctx context.Context, services map[string][]swarm.Task, reached func(network string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for service, old := range n.asked {
		if services[service] == nil {
			old.stop()
			delete(n.asked, service)
		}
	}
	for service, tasks := range services {
		sightings := make(map[string]sighting, len(tasks))
		for _, t := range tasks {
			sightings[t.ID] = sighting{addresses: prefixes(t, reached)}
		}
		if known := n.asked[service]; known != nil {
			for id, s := range known.tasks {
				if _, still := sightings[id]; still {
					sightings[id] = s
				}
			}
			known.tasks = sightings
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		n.asked[service] = &name{stop, sightings}
		n.askers.Go(func() { n.ask(ctx, service) })
	}
}

// prefixes are a task's IPv4 addresses in the networks, each with its network's length.
func prefixes(t swarm.Task, reached func(network string) bool) []netip.Prefix {
	var found []netip.Prefix
	for _, a := range t.NetworksAttachments {
		for _, text := range a.Addresses {
			if p, err := netip.ParsePrefix(text); err == nil && p.Addr().Is4() && reached(a.Network.ID) {
				found = append(found, p)
			}
		}
	}
	return found
}

// ask asks for a name again and again until ctx ends.
func (n *names) ask(ctx context.Context, service string) {
	wait := rand.N(n.pause())
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		one, done := context.WithTimeout(ctx, askPatience)
		found, err := n.lookup(one, "tasks."+service+".")
		done()
		pause := n.pause()
		if err != nil || len(found) == 0 {
			wait = min(max(2*wait, pause), askSeldom)
			continue
		}
		n.heard(service, found)
		wait = pause
	}
}

// pause between two questions for one name.
func (n *names) pause() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return max(askEvery, time.Duration(len(n.asked))*time.Second/askMost)
}

// heard takes note of an answer. It is about one network alone, the first of this container's that
// knows the name, so it says nothing of addresses in another.
func (n *names) heard(service string, found []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	followed := n.asked[service]
	if followed == nil {
		return
	}
	for id, s := range followed.tasks {
		var here, missed bool
		for _, p := range s.addresses {
			in := slices.Contains(found, p.Addr())
			here = here || in
			missed = missed || !in && slices.ContainsFunc(found, p.Contains)
		}
		was := s
		switch {
		case here:
			s.seen, s.since = true, time.Time{}
		case missed && s.seen && s.since.IsZero():
			s.since = time.Now()
		}
		followed.tasks[id] = s
		if was.since.IsZero() != s.since.IsZero() {
			select {
			case n.changed <- struct{}{}:
			default:
			}
		}
	}
}

// absent are the tasks, by id, whose addresses are not in their names any more: true for those that
// count as gone, since the cluster is away and cannot say what became of them. What the cluster has not been asked
// about since waits for its word, unlisted at most: names may be quicker to tell that some of several tasks leave.
func (n *names) absent(now, asked time.Time, away bool) map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]bool{}
	for _, followed := range n.asked {
		for id, s := range followed.tasks {
			if !s.since.IsZero() && (away || s.since.Before(asked) || now.Sub(s.since) >= unlisted) {
				out[id] = away && now.Sub(s.since) >= forsaken
			}
		}
	}
	return out
}
