package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An engine is the Docker engine of this machine, as far as the docker command is too slow or
// too coarse: tasks with their exact times, and events as they come.
type engine struct {
	http http.Client
	node string // the id of its node in the Swarm
}

// onEngine skips the test unless it was asked for. If it was, it fails without an engine: a test
// that skips for want of one proves nothing.
func onEngine(t *testing.T) *engine {
	t.Helper()
	if os.Getenv("FAIRLEAD_E2E") != "1" {
		t.Skip("SKIPPED, NOT TRIED ON A REAL SWARM: run `make test`, or FAIRLEAD_E2E=1 go test -count=1 ./e2e")
	}
	endpoint := docker(t, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	socket, local := strings.CutPrefix(endpoint, "unix://")
	if !local {
		t.Fatalf("the engine is at %s; the tests need one of this machine: docker context use default", endpoint)
	}
	e := &engine{node: docker(t, "info", "--format", "{{if .Swarm.ControlAvailable}}{{.Swarm.NodeID}}{{end}}")}
	if e.node == "" {
		t.Fatal("the engine manages no Swarm: docker swarm init --advertise-addr 127.0.0.1")
	}
	e.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(e.http.CloseIdleConnections)
	return e
}

// docker runs the docker command and returns what it prints.
func docker(t testing.TB, args ...string) string {
	t.Helper()
	return command(t, nil, "docker", args...)
}

// command runs a program in the repository's root with variables added to the environment. It
// returns its standard output, trimmed.
func command(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // also for cleaning up, when t's own has ended
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = "..", append(os.Environ(), env...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// get asks the engine's API; filters may be nil.
func (e *engine) get(ctx context.Context, path string, filters map[string][]string) (*http.Response, error) {
	f, err := json.Marshal(filters)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine"+path+"?filters="+url.QueryEscape(string(f)), nil)
	if err != nil {
		return nil, err
	}
	resp, err := e.http.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return resp, err
}

// A task as the engine's API tells of it.
type task struct {
	ID           string
	Slot         int
	UpdatedAt    time.Time
	DesiredState string
	Status       struct {
		State           string
		Timestamp       time.Time
		ContainerStatus struct{ ContainerID string }
	}
}

// container is the short id, which is the host name in the container.
func (k task) container() string { return short(k.Status.ContainerStatus.ContainerID) }

func short(id string) string { return id[:min(len(id), 12)] }

func (k task) running() bool { return k.Status.State == "running" && k.DesiredState == "running" }

func (k task) leaving() bool { return k.DesiredState == "shutdown" || k.DesiredState == "remove" }

// tasks are all that the engine knows of a service's.
func (e *engine) tasks(ctx context.Context, service string) ([]task, error) {
	resp, err := e.get(ctx, "/tasks", map[string][]string{"service": {service}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all []task
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("tasks of %s: %w", service, err)
	}
	return all, nil
}
