package swarm

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/swarm"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// Self is what a process knows of itself that its task can be told by.
type Self struct {
	// Containers are ids of containers, or their beginnings (12 digits at least), that may be its own.
	Containers []string
	// Addresses of its own interfaces.
	Addresses []netip.Addr
}

// FindSelf asks the system. The host name is the container's id unless the stack sets `hostname:`;
// the engine mounts /etc/hostname from a folder named by the id even then. Where that tells nothing
// (another storage layout), the addresses do: an overlay address belongs to one task.
func FindSelf() Self {
	var s Self
	if name, err := os.Hostname(); err == nil && containerID.MatchString(name) {
		s.Containers = append(s.Containers, name)
	}
	if f, err := os.Open("/proc/self/mountinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if id := mountedFrom(lines.Text()); id != "" {
				s.Containers = append(s.Containers, id)
			}
		}
	}
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			s.Addresses = append(s.Addresses, p.Addr())
		}
	}
	return s
}

var containerID = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// mountedFrom is the container that a line of mountinfo (proc_pid_mountinfo(5): the fourth field is
// the root of the mount within its file system, the fifth where it is mounted) names.
func mountedFrom(line string) string {
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[4] != "/etc/hostname" && fields[4] != "/etc/hosts" && fields[4] != "/etc/resolv.conf" {
		return ""
	}
	parts := strings.Split(fields[3], "/")
	if len(parts) < 2 || !containerID.MatchString(parts[len(parts)-2]) {
		return ""
	}
	return parts[len(parts)-2]
}

// own is the task that this process runs in.
type own struct {
	id string // "" while unknown
	// networks that it is attached to, without ingress: nil while unknown, not nil if there are none.
	networks []labels.Network
	leaving  bool
}

// find looks for the task, once: a process never changes its task. Later it only keeps up with it.
func (o *own) find(tasks []swarm.Task, self func() Self) {
	if o.id == "" {
		o.id = self().task(tasks)
	}
	if o.id == "" {
		return
	}
	i := slices.IndexFunc(tasks, func(t swarm.Task) bool { return t.ID == o.id })
	if i < 0 {
		o.leaving = true // the cluster has given it up
		return
	}
	o.leaving = departing(tasks[i])
	o.networks = []labels.Network{}
	for _, a := range tasks[i].NetworksAttachments {
		if len(a.Addresses) > 0 && !a.Network.Spec.Ingress {
			o.networks = append(o.networks, labels.Network{ID: a.Network.ID, Name: a.Network.Spec.Name})
		}
	}
}

// task is the id of the task that fits; "" if none does, or several do.
func (s Self) task(tasks []swarm.Task) string {
	for _, t := range tasks {
		c := t.Status.ContainerStatus
		if c != nil && slices.ContainsFunc(s.Containers, func(id string) bool { return strings.HasPrefix(c.ContainerID, id) }) {
			return t.ID
		}
	}
	var fits []string
	for _, t := range tasks {
		if started(t) && s.has(t) {
			fits = append(fits, t.ID)
		}
	}
	if len(fits) != 1 {
		return ""
	}
	return fits[0]
}

// has says whether all of a task's addresses, one at least, are this process's.
func (s Self) has(t swarm.Task) bool {
	n := 0
	for _, a := range t.NetworksAttachments {
		for _, text := range a.Addresses {
			if p, err := netip.ParsePrefix(text); err != nil || !slices.Contains(s.Addresses, p.Addr()) {
				return false
			}
			n++
		}
	}
	return n > 0
}

// outsideProblem is for who starts Fairlead by hand beside an engine.
var outsideProblem = discovery.Problem{
	Subject: "engine",
	Wrong:   "this process is not one of the cluster's tasks: from outside a container the addresses of tasks on overlay networks cannot be reached",
	Cure:    "run Fairlead as a service of the stack, on a network of the services, as docker-stack.yml does",
}
