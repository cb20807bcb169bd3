package static

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// stopGrace is Swarm's default: a backend of a file does not say its own.
const stopGrace = 10 * time.Second

// parse reads a file's content. An error means that it is not YAML, or has nothing in it, as a file
// that is being written may; whatever else is wrong is among the snapshot's problems.
func parse(filename string, content []byte) (discovery.Snapshot, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return discovery.Snapshot{}, explainYAML(filename, err)
	}
	if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return discovery.Snapshot{}, fmt.Errorf("%s: it is empty: write http: {} if nothing is to be routed", filename)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return discovery.Snapshot{}, fmt.Errorf("%s:%d: it does not begin with a key such as http", filename, root.Line)
	}
	f := flattener{filename: filename}
	f.walk(root, nil)
	if f.visited > most {
		return discovery.Snapshot{}, fmt.Errorf("%s: it holds more than %d values", filename, most)
	}
	d := labels.Decode(f.settings)
	b := builder{problems: slices.Concat(f.problems, d.Problems)}
	return b.snapshot(d), nil
}

// A builder makes a snapshot of what a file defines.
type builder struct{ problems []discovery.Problem }

func (b *builder) snapshot(d *labels.Definition) discovery.Snapshot {
	var snap discovery.Snapshot
	for _, r := range d.Routers {
		switch {
		case r.Rule == "":
			b.problem(r.Origin, "rule", "there is none, so the router is left out", "write a rule such as PathPrefix(`/`)")
		case r.Service == "":
			b.problem(r.Origin, "service", "there is none, so the router is left out", "name the service that answers")
		default:
			snap.Routers = append(snap.Routers, r.Router)
		}
	}
	for _, balancer := range d.Balancers {
		service := balancer.Service
		service.Tasks = b.tasks(balancer)
		if len(service.Tasks) == 0 {
			b.problem(service.Origin, "servers", "there is none", "list them as servers: [{url: \"http://10.0.0.1:8000\"}]")
		}
		snap.Services = append(snap.Services, service)
	}
	b.problems = append(b.problems, labels.NameCookies(snap.Services, snap.Routers, "file")...)
	snap.Problems = discovery.SortProblems(b.problems)
	return snap
}

func (b *builder) problem(o discovery.Origin, field, wrong, cure string) {
	b.problems = append(b.problems, o.Problem(field, wrong, cure))
}

// tasks are the backends of a file's service. Their names come from their URLs alone, so they stay
// the same wherever in the list they stand.
func (b *builder) tasks(balancer *labels.Balancer) []discovery.Task {
	var tasks []discovery.Task
	for _, backend := range balancer.Backends {
		address, err := parseURL(backend.URL)
		if err != nil {
			b.problem(backend.Origin, "url", err.Error(), "write it as http://10.0.0.1:8000")
			continue
		}
		sum := sha256.Sum256([]byte(address.Scheme + "://" + address.HostPort))
		short := hex.EncodeToString(sum[:5])
		if slices.ContainsFunc(tasks, func(t discovery.Task) bool { return t.Address == address }) {
			b.problem(backend.Origin, "url", "it is in the list already", "give the first one more weight instead")
			continue
		}
		tasks = append(tasks, discovery.Task{
			ID: "file-" + short, Name: address.HostPort, Seat: discovery.Seat(short), State: discovery.Running,
			Address: address, Weight: backend.Weight, Probe: balancer.Probe, StopGrace: stopGrace,
		})
	}
	slices.SortFunc(tasks, func(a, b discovery.Task) int { return strings.Compare(a.ID, b.ID) })
	return tasks
}

// parseURL reads a backend's URL. It is an address: its path, if it has one, is / alone.
func parseURL(text string) (discovery.Address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return discovery.Address{}, fmt.Errorf("%q is not a URL", text)
	}
	port := u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c":
		return discovery.Address{}, fmt.Errorf("%q does not begin with http://, https:// or h2c://", text)
	case u.Hostname() == "":
		return discovery.Address{}, fmt.Errorf("%q has no host", text)
	case u.Path != "" && u.Path != "/":
		return discovery.Address{}, fmt.Errorf("%q has a path, which no request would get", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return discovery.Address{}, errors.New("it has more in it than a scheme, a host and a port")
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return discovery.Address{}, fmt.Errorf("%q has a port that is not one from 1 to 65535", text)
	}
	return discovery.Address{Scheme: u.Scheme, HostPort: net.JoinHostPort(strings.ToLower(u.Hostname()), port)}, nil
}
