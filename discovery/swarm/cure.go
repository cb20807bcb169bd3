package swarm

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"
)

// cures by what the engine (daemon/cluster/errors.go of moby, swarmkit's raft) or the client says.
// The first that fits counts. Errors of the engine have no codes: all of these are a 503.
var cures = []struct{ says, cure string }{
	{"worker nodes can't be used", "this node is a worker: keep the proxy on managers (placement constraint node.role == manager), or give it the endpoint of one"},
	{"not part of a swarm", "run docker swarm init, or docker swarm join, on this node"},
	{"not a swarm manager", "run docker swarm init on this node, or keep the proxy on managers (placement constraint node.role == manager)"},
	{"needs to be unlocked", "run docker swarm unlock on this node"},
	{"certificates have expired", "let this node leave the Swarm and join it again"},
	{"does not have a leader", "more than half of the managers must be up and reach each other: see docker node ls, and TCP 2377 between them"},
	{"permission denied", "let the proxy read and write the engine's socket: run it as root, or in the group that owns the socket"},
	{"api version", "nothing: the version is negotiated anew; if this stays, the engine is too old or too new for this Fairlead"},
}

// cureFor says what an operator can do about err.
func cureFor(err error, endpoint string) string {
	if errdefs.IsPermissionDenied(err) || errdefs.IsNotFound(err) { // a status: 403 or 404, no engine's own
		return "let the socket proxy pass GET /services, /tasks, /networks, /nodes, /info and /events"
	}
	said := strings.ToLower(err.Error())
	for _, c := range cures {
		if strings.Contains(said, c.says) {
			return c.cure
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "the engine hangs: see its log, restart it"
	case errors.Is(err, errGarbage):
		return "see whether the endpoint is a Docker engine, or what stands between"
	case client.IsErrConnectionFailed(err), errors.As(err, new(*net.OpError)):
		if path, ok := strings.CutPrefix(endpoint, "unix://"); ok {
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				return "mount the engine's socket into the proxy's service: " + path + ":" + path
			}
		}
		return "see whether the engine runs and listens there"
	}
	return "see the engine's log"
}
