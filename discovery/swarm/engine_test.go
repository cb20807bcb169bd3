package swarm

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// onEngine is a client of the real engine of this machine, in a Swarm. The test is skipped without one,
// but with CI=true that is a failure: a test that skips proves nothing.
func onEngine(t *testing.T) *client.Client {
	t.Helper()
	if os.Getenv("FAIRLEAD_E2E") == "" {
		t.Skip("SKIPPED: not tried on a real engine; set FAIRLEAD_E2E=1")
	}
	missing := t.Skipf
	if os.Getenv("CI") == "true" {
		missing = t.Fatalf
	}
	api, err := client.NewClientWithOpts(client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	info, err := api.Info(t.Context())
	if err != nil {
		missing("SKIPPED: no engine: %v", err)
	}
	if info.Swarm.LocalNodeState == swarm.LocalNodeStateInactive {
		if _, err := api.SwarmInit(t.Context(), swarm.InitRequest{ListenAddr: "127.0.0.1:2377", AdvertiseAddr: "127.0.0.1"}); err != nil {
			t.Fatal(err)
		}
	} else if !info.Swarm.ControlAvailable {
		missing("SKIPPED: the engine is no manager of a Swarm: %s", info.Swarm.LocalNodeState)
	}
	return api
}

// witness notes when each state of each task was applied first.
type witness struct {
	service string
	api     *client.Client

	mu    sync.Mutex
	seen  map[string]map[discovery.State]time.Time
	addrs map[string]string
	now   map[string]discovery.State
	delay map[string]time.Duration // from the cluster's decision to apply
}

func (w *witness) apply(s discovery.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = map[string]discovery.State{}
	for _, s := range s.Services {
		if s.Name != w.service {
			continue
		}
		for _, k := range s.Tasks {
			w.now[k.ID] = k.State
			if w.seen[k.ID] == nil {
				w.seen[k.ID] = map[discovery.State]time.Time{}
			}
			if w.seen[k.ID][k.State].IsZero() {
				w.seen[k.ID][k.State] = time.Now()
				// Its last change, a moment ago, was that it is no longer wanted.
				if task, _, err := w.api.TaskInspectWithRaw(context.Background(), k.ID); err == nil && k.State == discovery.Leaving {
					w.delay[k.ID] = w.seen[k.ID][k.State].Sub(task.UpdatedAt)
				}
			}
			if k.State == discovery.Leaving {
				w.addrs[k.ID] = k.Address.HostPort
			}
		}
	}
}

func (w *witness) count() map[discovery.State]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[discovery.State]int{}
	for _, s := range w.now {
		n[s]++
	}
	return n
}

func (w *witness) until(t *testing.T, what string, ok func(map[discovery.State]int) bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !ok(w.count()); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 40 s; tasks: %v", what, w.count())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestARealSwarmIsFollowedThroughUpdateScalingAndRemoval(t *testing.T) {
	api := onEngine(t)
	ctx := t.Context()
	name := fmt.Sprintf("swtest%d", time.Now().UnixNano()%1e6)
	importApp(t, api, "app", name+":1")
	id := deploy(t, api, name, overlay(t, api, name), nil)

	w := &witness{service: name, seen: map[string]map[discovery.State]time.Time{}, addrs: map[string]string{}, delay: map[string]time.Duration{}, api: api}
	source, err := New(Options{Self: func() Self { return Self{} }, Log: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- source.Run(run, w.apply) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	w.until(t, "two tasks run", func(n map[discovery.State]int) bool { return n[discovery.Running] == 2 })
	old := w.count()

	change(t, api, id, func(s *swarm.ServiceSpec) {
		s.TaskTemplate.ForceUpdate++
		s.Labels["traefik.http.services."+name+".loadbalancer.server.port"] = "9000"
	})
	w.until(t, "both old tasks leave and end", func(n map[discovery.State]int) bool {
		return len(w.leavings()) == old[discovery.Running] && n[discovery.Leaving] == 0 && n[discovery.Running] == 2
	})
	for task, address := range w.leavings() {
		if !strings.HasSuffix(address, ":8000") {
			t.Errorf("task %s of the old generation left at %q, want port 8000", task, address)
		}
	}

	one := uint64(1)
	change(t, api, id, func(s *swarm.ServiceSpec) { s.Mode.Replicated.Replicas = &one })
	w.until(t, "scaled down", func(n map[discovery.State]int) bool { return len(w.leavings()) == 3 && n[discovery.Running] == 1 })
	if err := api.ServiceRemove(ctx, id); err != nil {
		t.Fatal(err)
	}
	w.until(t, "removed, its task leaving", func(map[discovery.State]int) bool { return len(w.leavings()) == 4 })
	w.until(t, "ended", func(n map[discovery.State]int) bool { return len(n) == 0 })
	for task, address := range w.leavings() {
		d := w.delay[task]
		t.Logf("%s was known to leave %s after the cluster's decision", address, d.Round(time.Millisecond))
		if d <= 0 || d > 2*time.Second {
			t.Errorf("%s: later than the two seconds in which no request is lost", address)
		}
	}
}

func (w *witness) leavings() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]string{}
	for id, a := range w.addrs {
		out[id] = a
	}
	return out
}

func overlay(t *testing.T, api *client.Client, name string) string {
	t.Helper()
	created, err := api.NetworkCreate(t.Context(), name, network.CreateOptions{Driver: "overlay", Scope: "swarm"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		defer cancel()
		for api.NetworkRemove(ctx, created.ID) != nil && ctx.Err() == nil {
			time.Sleep(200 * time.Millisecond) // tasks still hold it
		}
	})
	return created.ID
}

// deploy makes a service of two replicas of the image of its name, as change wants it.
func deploy(t *testing.T, api *client.Client, name, net string, change func(*swarm.ServiceSpec)) string {
	t.Helper()
	two, never := uint64(2), time.Second
	spec := swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: name, Labels: map[string]string{
			"traefik.enable":                                              "true",
			"traefik.http.routers." + name + ".rule":                      "Host(`swtest.example`)",
			"traefik.http.services." + name + ".loadbalancer.server.port": "8000",
		}},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{Image: name + ":1", Command: []string{"/app"}},
			Networks:      []swarm.NetworkAttachmentConfig{{Target: net}},
			RestartPolicy: &swarm.RestartPolicy{Delay: &never},
		},
		Mode:         swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &two}},
		UpdateConfig: &swarm.UpdateConfig{Order: swarm.UpdateOrderStartFirst, Parallelism: 1, Monitor: time.Second},
	}
	if change != nil {
		change(&spec)
	}
	created, err := api.ServiceCreate(t.Context(), spec, swarm.ServiceCreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		defer cancel()
		_ = api.ServiceRemove(ctx, created.ID)
		for ctx.Err() == nil {
			if _, err := api.ImageRemove(ctx, name+":1", image.RemoveOptions{Force: true}); err == nil || errdefs.IsNotFound(err) {
				return
			}
			time.Sleep(200 * time.Millisecond) // a container still holds it
		}
	})
	return created.ID
}

func change(t *testing.T, api *client.Client, id string, f func(*swarm.ServiceSpec)) {
	t.Helper()
	for {
		s, _, err := api.ServiceInspectWithRaw(t.Context(), id, swarm.ServiceInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f(&s.Spec)
		_, err = api.ServiceUpdate(t.Context(), id, s.Version, s.Spec, swarm.ServiceUpdateOptions{})
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "update out of sequence") { // the managers have changed it meanwhile
			t.Fatal(err)
		}
	}
}

// importApp makes an image of one static binary, /app, from a folder of testdata: no registry is needed.
func importApp(t *testing.T, api *client.Client, program, ref string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "app")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "main.go")
	build.Dir, build.Env = filepath.Join("testdata", program), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	if err := w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(b))}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(b)
	_ = w.Close()
	answer, err := api.ImageImport(t.Context(), image.ImportSource{Source: &file, SourceName: "-"}, ref, image.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if _, err := new(bytes.Buffer).ReadFrom(answer); err != nil {
		t.Fatal(err)
	}
}

// A restart of the engine as its clients see it: the socket goes, comes back as another version.
func TestAnEngineThatRestartsOnItsSocketIsFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "docker.sock")
	f := newFake(t, "steady")
	serve := func() *http.Server {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: f}
		go func() { _ = server.Serve(l) }()
		return server
	}
	log := &syncBuffer{}
	source, err := New(Options{Endpoint: "unix://" + path, Interval: 100 * time.Millisecond, Self: func() Self { return Self{} }, Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- source.Run(ctx, func(discovery.Snapshot) {}) }()
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not within 20 s; %+v", what, source.Status())
			}
		}
	}
	wait("no socket is an error", func() bool { return source.Status().Err != nil })
	if lines := log.lines(); !strings.Contains(lines[0], "mount the engine's socket") {
		t.Errorf("said %s", lines[0])
	}
	first := serve()
	wait("the engine is found", func() bool { return source.Status().Err == nil })
	_ = first.Close()
	wait("its end is noticed", func() bool { return source.Status().Err != nil })
	f.set(func() { f.min, f.max = "1.44", "1.51" })
	second := serve()
	wait("it is found again", func() bool { return source.Status().Err == nil })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = second.Close()
}
