//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// A rig is a cluster with the stack of this folder.
type rig struct {
	*cluster.Cluster
	dir     string        // of logs and journals
	asked   *cluster.Node // the manager that takes our orders
	service string        // the app of the row that is played: die, linger, patient or everywhere
	played  int           // rows; it tells their requests apart in the logs
	killed  span          // when the row's event killed a proxy
	staying span          // when it let sessions stay on tasks that drain
}

// A span of time; the zero value is none.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return t.After(s.from) && t.Before(s.to) }

// within tells whether something was under way in the span.
func (s span) within(begin, end time.Time) bool { return begin.Before(s.to) && end.After(s.from) }

const (
	stack  = "soak"
	global = "everywhere" // the app of which each node has one
	stays  = "patient"    // the app whose sessions stay on tasks that drain
)

// full is how long anything may take that is expected to come: a leader after a cut cable took up to 90 s.
const full = 3 * time.Minute

// newRig builds, brings the cluster up and deploys. close ends it.
func newRig(ctx context.Context, dir string, number int) (*rig, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c, err := cluster.Up(ctx, cluster.Options{Number: number, Nodes: 3, Managers: 3})
	if err != nil {
		return nil, err
	}
	r := &rig{Cluster: c, dir: dir, asked: c.Nodes[0]}
	if err := r.deploy(ctx); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	return r, nil
}

func (r *rig) deploy(ctx context.Context) error {
	for _, d := range []string{r.logs(), r.journals()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	for image, program := range map[string]string{"fairlead-soak": "./cmd/proxy", "fairlead-soak-app": "./e2e/app"} {
		if err := r.install(ctx, image, program); err != nil {
			return err
		}
	}
	if err := r.stackDeploy(ctx); err != nil {
		return err
	}
	return eventually(ctx, "each node has a proxy that answers", func() bool { return r.answer(ctx) })
}

// stackDeploy deploys the stack: what of it is there already stays as it is, but for the apps' replicas.
func (r *rig) stackDeploy(ctx context.Context) error {
	deploy := exec.CommandContext(ctx, "docker", "--host", "unix://"+r.asked.Socket(), "stack", "deploy", "--resolve-image", "never",
		"--compose-file", "e2e/soak/stack.yml", stack)
	deploy.Dir = root()
	deploy.Env = append(os.Environ(), "LOG="+r.logs(), "JOURNAL="+r.journals())
	if out, err := deploy.CombinedOutput(); err != nil {
		return fmt.Errorf("stack deploy: %w: %s", err, out)
	}
	return nil
}

// install builds a program here and puts it on all nodes, as an image that holds nothing else: no registry and no
// base image are needed.
func (r *rig) install(ctx context.Context, image, program string) error {
	dir, err := os.MkdirTemp("", image)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := "fairlead"
	if program == "./e2e/app" {
		name = "app"
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(dir, name), program)
	build.Dir, build.Env = root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build of %s: %w: %s", program, err, out)
	}
	tar, err := exec.CommandContext(ctx, "tar", "-C", dir, "-c", name).Output()
	if err != nil {
		return fmt.Errorf("tar: %w", err)
	}
	for _, n := range r.Nodes {
		load := exec.CommandContext(ctx, "docker", "--host", "unix://"+n.Socket(), "import",
			"--change", "ENV PATH=/", "--change", fmt.Sprintf("ENTRYPOINT [%q]", "/"+name), "-", image)
		load.Stdin = bytes.NewReader(tar)
		if out, err := load.CombinedOutput(); err != nil {
			return fmt.Errorf("image on %s: %w: %s", n.Name, err, out)
		}
	}
	return nil
}

// close keeps what the proxies and the engines logged, as far as it can be had, and takes the cluster down.
func (r *rig) close(ctx context.Context) error {
	for _, n := range r.Nodes {
		r.keepLogs(ctx, n)
	}
	ctx, cancel := context.WithTimeout(ctx, full)
	defer cancel()
	return r.Down(ctx)
}

// keepLogs may find the node broken off in the midst of a fault, and has nothing to keep then.
func (r *rig) keepLogs(ctx context.Context, n *cluster.Node) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ids, _ := n.Docker(ctx, "ps", "--all", "--quiet", "--filter", "label=com.docker.swarm.service.name="+stack+"_proxy")
	for _, id := range strings.Fields(ids) {
		logs, _ := exec.CommandContext(ctx, "docker", "--host", "unix://"+n.Socket(), "logs", id).CombinedOutput()
		_ = os.WriteFile(filepath.Join(r.dir, "proxy-"+n.Name+"-"+id), logs, 0o644)
	}
	if log, err := os.ReadFile(n.Log()); err == nil {
		_ = os.WriteFile(filepath.Join(r.dir, "engine-"+n.Name), log, 0o644)
	}
}

func (r *rig) logs() string     { return filepath.Join(r.dir, "access") }
func (r *rig) journals() string { return filepath.Join(r.dir, "journals") }

// addresses are where the proxies are, the one of the first node first.
func (r *rig) addresses() (all []string) {
	for _, n := range r.Nodes {
		all = append(all, n.Address+":80")
	}
	return all
}

// docker gives an order to the cluster.
func (r *rig) docker(ctx context.Context, args ...string) (string, error) {
	return r.asked.Docker(ctx, args...)
}

// answer tells whether the proxies of all nodes do.
func (r *rig) answer(ctx context.Context) bool {
	return !slices.ContainsFunc(r.Nodes, func(n *cluster.Node) bool { return !answers(ctx, n) })
}

// answers tells whether the node's proxy does, if only that it knows no route.
func answers(ctx context.Context, n *cluster.Node) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Address+"/", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusNotFound
}

// root is the repository's: main runs in it, tests run here.
func root() string {
	if _, err := os.Stat("go.mod"); err == nil {
		return "."
	}
	return "../.."
}

// eventually waits until something is so.
func eventually(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, full)
	defer cancel()
	for !so() {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %s", full, what)
		}
	}
	return nil
}
