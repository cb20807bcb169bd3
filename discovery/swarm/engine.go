package swarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// callTimeout bounds each call. A healthy engine lists thousands of tasks in a fraction of it.
const callTimeout = 5 * time.Second

// errGarbage is an answer that no engine gives.
var errGarbage = errors.New("not the answer of a Docker engine")

// blindProblem: without the id, proxies of a cluster cannot derive a common key from it.
var blindProblem = discovery.Problem{
	Subject: "engine",
	Wrong:   "it refuses GET /info, so the cluster's id is not known",
	Cure:    "let the socket proxy pass /info, or give the proxy a key file for its session cookies",
}

// engine is one connection to an engine: one negotiated version. After any failure it is thrown
// away and another made, because the engine may come back as another version of itself.
type engine struct {
	api     *client.Client
	http    *http.Client
	host    string // and base: where the API is
	base    string
	body    bytes.Buffer
	greeted bool // the version is negotiated
	listed  bool // once, without a filter
	cluster string
	blind   bool // the cluster's id is refused
}

func connect(o Options) (*engine, error) {
	opts := []client.Opt{client.WithHost(o.Endpoint), client.WithAPIVersionNegotiation()}
	if o.dial != nil {
		opts = append(opts, client.WithDialContext(o.dial))
	}
	api, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("swarm endpoint %q: %w", o.Endpoint, err)
	}
	host, base, err := hostOf(o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("swarm endpoint %q: %w", o.Endpoint, err)
	}
	return &engine{api: api, http: api.HTTPClient(), host: host, base: base}, nil
}

func (e *engine) close() { _ = e.api.Close() }

// listing is what the engine answered at one moment, as it came.
type listing struct {
	cluster  string
	blind    bool
	tasks    []swarm.Task
	services []swarm.Service
	nodes    []swarm.Node
	networks []network.Summary // nil: not asked for
	full     bool              // tasks are all there are
	departed []swarm.Task      // what the engine says of tasks that were missing in tasks
	asked    bool              // departed was asked for
}

// wanted are the desired states of tasks that live or are to live, and REMOVE (scale-down, service
// rm). SHUTDOWN is left out, since with it comes the history: up to five dead tasks for each
// slot, far more than there are living ones. A task that is told to shut down is noticed by its absence
// from this list, and asked for by its id until it has ended. Those with REMOVE the engine
// deletes when they end, so they bring no history.
var wanted = []swarm.TaskState{swarm.TaskStateAccepted, swarm.TaskStateReady, swarm.TaskStateRunning, swarm.TaskStateRemove}

// list asks for the whole cluster in at most four calls; m is only read.
//
// Tasks come first: the spec that a listed task was made from is then sure to be known to the
// services' answer, as its spec or its previous one. The fourth call is for networks if one is
// referred to that was never seen (its name and kind never change), else for tasks that
// are missing in the list, if any. The first listing has no filter: it shows the tasks that were
// already leaving when the proxy came.
func (e *engine) list(ctx context.Context, m *memory) (l listing, err error) {
	if err = e.greet(ctx); err != nil {
		return l, err
	}
	l.full = !e.listed
	args := filters.NewArgs()
	if !l.full {
		for _, s := range wanted {
			args.Add("desired-state", string(s))
		}
	}
	if l.tasks, err = get(ctx, e, m.tasks, "/tasks", args); err != nil {
		return l, err
	}
	if l.services, err = get(ctx, e, m.services, "/services", filters.Args{}); err != nil {
		return l, err
	}
	if l.nodes, err = get(ctx, e, m.nodes, "/nodes", filters.Args{}); err != nil {
		return l, err
	}
	if l.cluster, err = e.id(ctx); err != nil {
		return l, err
	}
	l.blind = e.blind
	if err := l.sane(m); err != nil {
		return l, err
	}
	missing := m.departures.missing(l.tasks)
	switch {
	case m.networks.unknown(l):
		l.networks, err = get(ctx, e, newObjects[network.Summary](), "/networks", filters.Args{})
	case len(missing) > 0 && !l.full:
		args := filters.NewArgs()
		for _, id := range missing {
			args.Add("id", id)
		}
		l.departed, err = get(ctx, e, m.departed, "/tasks", args)
		l.asked = true
	}
	e.listed = e.listed || err == nil
	return l, err
}

// greet negotiates the version, once for each connection.
func (e *engine) greet(ctx context.Context) error {
	if e.greeted {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ping, err := e.api.Ping(ctx)
	if err != nil {
		return fmt.Errorf("ping the engine: %w", err)
	}
	e.api.NegotiateAPIVersionPing(ping)
	e.greeted = true
	return nil
}

// id is asked for once for each connection, beside the listing; after the lists, since a manager
// without a leader refuses those at once and says why, but takes long over this. A socket
// proxy may refuse it: that is no outage.
func (e *engine) id(ctx context.Context) (string, error) {
	if e.cluster != "" || e.blind {
		return e.cluster, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := e.api.Info(ctx)
	switch {
	case errdefs.IsPermissionDenied(err):
		e.blind = true
	case err != nil && garbled(err):
		return "", fmt.Errorf("GET /info: %w: %w", errGarbage, err)
	case err != nil:
		return "", fmt.Errorf("GET /info: %w", err)
	case info.Swarm.Cluster != nil:
		e.cluster = info.Swarm.Cluster.ID
	}
	return e.cluster, nil
}

// garbled says that err is about the form of an answer in JSON (encoding/json, errors of
// syntax and of type). The client keeps some of them as text only.
func garbled(err error) bool {
	return strings.Contains(err.Error(), "invalid character") || strings.Contains(err.Error(), "json: cannot unmarshal")
}

// sane says whether a listing can be the truth. Objects of another making decode into empty ones,
// and a cluster in which this process runs is not empty.
func (l listing) sane(m *memory) error {
	if len(l.nodes) == 0 {
		return fmt.Errorf("GET /nodes: none: %w", errGarbage)
	}
	ownSeen := m.own.id == "" || l.cluster != m.cluster
	for _, t := range l.tasks {
		if t.ID == "" {
			return fmt.Errorf("GET /tasks: one without an id: %w", errGarbage)
		}
		ownSeen = ownSeen || t.ID == m.own.id
	}
	for _, s := range l.services {
		if s.ID == "" {
			return fmt.Errorf("GET /services: one without an id: %w", errGarbage)
		}
	}
	if len(l.services) == 0 && !ownSeen {
		return fmt.Errorf("GET /services: none, though this process is a task of one: %w", errGarbage)
	}
	return nil
}
