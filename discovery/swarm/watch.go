package swarm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/moby/swarmkit/v2/api"
	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const (
	// beat is how often the leader is asked whether it is there while nothing else comes: the stream of a manager
	// that lost its leader, or of an engine that hangs, is merely silent.
	beat = time.Second
	// beatPatience bounds the answer.
	beatPatience = 2 * time.Second
)

// watch follows the cluster by swarmkit's Watch API at a manager's control socket. While it is live, it knows all
// that a listing would tell, milliseconds after the managers agreed on it. When it is not, whatever the
// reason, the engine is listed.
type watch struct {
	socket  string
	log     zerolog.Logger
	changed chan struct{}         // the store has, or the watch went live, or ended
	live    atomic.Pointer[store] // nil: it is not
}

func newWatch(socket string, log zerolog.Logger) *watch {
	return &watch{socket: socket, log: log, changed: make(chan struct{}, 1)}
}

// listing is what the watch knows; nil while it is not live.
func (w *watch) listing() *listing {
	if s := w.live.Load(); s != nil {
		return s.listing()
	}
	return nil
}

// run follows until ctx ends, stream after stream. Each begins with lists of its own: what was missed
// between two is never asked for.
func (w *watch) run(ctx context.Context) {
	const shortest, longest = 200 * time.Millisecond, 10 * time.Second
	wait := shortest
	said := ""
	for ctx.Err() == nil {
		err := w.follow(ctx)
		if w.live.Swap(nil) != nil {
			wait, said = shortest, ""
		}
		w.tell()
		if ctx.Err() == nil && said != err.Error() {
			said = err.Error()
			w.log.Warn().Err(err).Str("socket", w.socket).Msg("the task watch is off; the cluster is listed instead")
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, longest)
	}
}

// follow reads one stream to its end. The error is never nil.
func (w *watch) follow(ctx context.Context) error {
	// The socket's certificate is the node's, for no name of ours; who may open the socket is root anyway.
	conn, err := grpc.NewClient("unix://"+w.socket,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestAnswer)))
	if err != nil {
		return fmt.Errorf("control socket %s: %w", w.socket, err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(callTimeout, func() { cancel(fmt.Errorf("control socket %s: %w", w.socket, context.DeadlineExceeded)) })
	stream, err := open(ctx, conn)
	if err != nil {
		return err
	}
	control := api.NewControlClient(conn)
	s, err := load(ctx, control)
	if err != nil {
		return err
	}
	late.Stop()
	w.live.Store(s)
	w.log.Info().Str("socket", w.socket).Msg("the task watch is on")
	w.tell()
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		cancel(pulse(ctx, control))
	}()
	defer func() { cancel(nil); <-beating }()
	for {
		m, err := stream.Recv()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		for _, e := range m.Events {
			s.event(e)
		}
		w.tell()
	}
}

// open begins a stream of the changes of all that we read. Its first message says that it has begun.
func open(ctx context.Context, conn *grpc.ClientConn) (api.Watch_WatchClient, error) {
	var entries []*api.WatchRequest_WatchEntry
	for _, kind := range []string{"task", "service", "node", "network"} {
		entries = append(entries, &api.WatchRequest_WatchEntry{Kind: kind,
			Action: api.WatchActionKindCreate | api.WatchActionKindUpdate | api.WatchActionKindRemove})
	}
	stream, err := api.NewWatchClient(conn).Watch(ctx, &api.WatchRequest{Entries: entries})
	if err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return stream, nil
}

// load lists all once, after the stream has begun: a change is in the lists, or comes.
func load(ctx context.Context, c api.ControlClient) (*store, error) {
	clusters, err := c.ListClusters(ctx, &api.ListClustersRequest{})
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	tasks, err := c.ListTasks(ctx, &api.ListTasksRequest{})
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	services, err := c.ListServices(ctx, &api.ListServicesRequest{})
	if err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	nodes, err := c.ListNodes(ctx, &api.ListNodesRequest{})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	networks, err := c.ListNetworks(ctx, &api.ListNetworksRequest{})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	if len(clusters.Clusters) != 1 || len(nodes.Nodes) == 0 {
		return nil, fmt.Errorf("%d clusters and %d nodes: %w", len(clusters.Clusters), len(nodes.Nodes), errGarbage)
	}
	return fill(clusters.Clusters[0].ID, tasks.Tasks, services.Services, nodes.Nodes, networks.Networks), nil
}

// pulse asks the leader for a little, again and again, until it does not answer.
func pulse(ctx context.Context, c api.ControlClient) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(beat):
		}
		one, cancel := context.WithTimeout(ctx, beatPatience)
		_, err := c.ListClusters(one, &api.ListClustersRequest{})
		cancel()
		if err != nil {
			return fmt.Errorf("the managers do not answer: %w", err)
		}
	}
}

// tell never blocks: one waiting word is as good as ten.
func (w *watch) tell() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}
