package swarm

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestAnUnhealthyTaskIsWithdrawnBeforeARealSwarmStopsIt(t *testing.T) {
	api := onEngine(t)
	name := fmt.Sprintf("swsign%d", time.Now().UnixNano()%1e6)
	importApp(t, api, "app", name+":1")
	importApp(t, api, "witness", name+"-eye:1")
	net := overlay(t, api, name)
	second, one := time.Second, uint64(1)
	id := deploy(t, api, name, net, func(s *swarm.ServiceSpec) {
		s.TaskTemplate.ContainerSpec.Healthcheck = &container.HealthConfig{Test: []string{"CMD", "/app", "check"}, Interval: second / 2, Timeout: second, Retries: 1}
	})
	eye := deploy(t, api, name+"-eye", net, func(s *swarm.ServiceSpec) {
		s.TaskTemplate.ContainerSpec.Command = []string{"/app", name}
		s.TaskTemplate.ContainerSpec.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: "/var/run/docker.sock", Target: "/var/run/docker.sock"}}
		s.Labels, s.Mode.Replicated.Replicas = nil, &one
	})
	var sick swarm.Task
	eventually(t, "two healthy tasks and an eye", func() bool {
		tasks := running(t, api, id)
		if len(tasks) == 2 {
			sick = tasks[0]
		}
		return len(tasks) == 2 && strings.Count(lines(t, api, eye), " running false") >= 2
	})
	time.Sleep(2 * time.Second) // of the cluster's: the name is to be seen with the address in it
	made, err := api.ContainerExecCreate(t.Context(), sick.Status.ContainerStatus.ContainerID, container.ExecOptions{Cmd: []string{"/app", "sick"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.ContainerExecStart(t.Context(), made.ID, container.ExecStartOptions{}); err != nil {
		t.Fatal(err)
	}
	var withdrawn, told int
	eventually(t, "it is withdrawn and told to stop", func() bool {
		withdrawn, told = at(lines(t, api, eye), sick.ID+" running true"), at(lines(t, api, id), "told to stop")
		return told > 0
	})
	t.Logf("withdrawn %d ms before its stop signal", told-withdrawn)
	if withdrawn == 0 || told-withdrawn < 1000 {
		t.Errorf("withdrawn at %d, told to stop at %d, the eye saw:\n%s", withdrawn, told, lines(t, api, eye))
	}
}

// at is the time, in milliseconds, of the first line that has the text; 0 if there is none.
func at(lines, text string) int {
	for line := range strings.Lines(lines) {
		if moment, _, _ := strings.Cut(line, " "); strings.Contains(line, text) {
			n, _ := strconv.Atoi(moment)
			return n
		}
	}
	return 0
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 60 s", what)
		}
	}
}

// running are the tasks of a service that run.
func running(t *testing.T, api *client.Client, service string) (out []swarm.Task) {
	t.Helper()
	tasks, err := api.TaskList(t.Context(), swarm.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", service), filters.Arg("desired-state", "running"))})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range tasks {
		if k.Status.State == swarm.TaskStateRunning {
			out = append(out, k)
		}
	}
	return out
}

// lines are what the service's containers have printed, those that have ended included.
func lines(t *testing.T, api *client.Client, service string) string {
	t.Helper()
	all, err := api.ContainerList(t.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "com.docker.swarm.service.id="+service))})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, c := range all {
		log, err := api.ContainerLogs(t.Context(), c.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true})
		if err != nil {
			continue // just removed
		}
		_, _ = stdcopy.StdCopy(&out, &out, log)
		_ = log.Close()
	}
	return out.String()
}

func TestNoUpdateDrainOrCrashOnARealSwarmLooksHopeless(t *testing.T) {
	api := onEngine(t)
	name := fmt.Sprintf("swhope%d", time.Now().UnixNano()%1e6)
	importApp(t, api, "app", name+":1")
	one, zero := uint64(1), uint64(0)
	id := deploy(t, api, name, overlay(t, api, name), func(s *swarm.ServiceSpec) {
		s.Mode.Replicated.Replicas = &one
		s.UpdateConfig.Order = swarm.UpdateOrderStopFirst
	})
	var mu sync.Mutex
	var hopeless []string
	ready, empty, now := false, false, ""
	source, err := New(Options{Self: func() Self { return Self{} }, Log: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- source.Run(ctx, func(s discovery.Snapshot) {
			mu.Lock()
			defer mu.Unlock()
			for _, service := range s.Services {
				if service.Name != name {
					continue
				}
				hope := service.Awaited
				ready = false
				var seen []string
				for _, k := range service.Tasks {
					hope = hope || k.State == discovery.Running || k.State == discovery.Starting && k.Stuck == ""
					ready = ready || k.State == discovery.Running
					seen = append(seen, fmt.Sprint(k.ID, " ", k.State, " ", k.Stuck))
				}
				now = fmt.Sprintln(time.Now().Format("05.000"), service.Awaited, seen)
				empty = len(service.Tasks) == 0 && !service.Awaited
				if !hope {
					hopeless = append(hopeless, now)
				}
			}
		})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	became := func(what string, want bool) {
		t.Helper()
		eventually(t, what, func() bool { mu.Lock(); defer mu.Unlock(); return ready == want })
	}
	became("it runs", true)
	mu.Lock()
	hopeless = nil
	mu.Unlock()
	for _, event := range []struct {
		name string
		do   func()
	}{
		{"an update, stop-first", func() { change(t, api, id, func(s *swarm.ServiceSpec) { s.TaskTemplate.ForceUpdate++ }) }},
		{"an update with a reservation that leaves no room for two", func() {
			change(t, api, id, func(s *swarm.ServiceSpec) {
				s.EndpointSpec = &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR, Ports: []swarm.PortConfig{{Protocol: "tcp", TargetPort: 8000, PublishedPort: 18462, PublishMode: swarm.PortConfigPublishModeHost}}}
			})
		}},
		{"another with the port of the host", func() { change(t, api, id, func(s *swarm.ServiceSpec) { s.TaskTemplate.ForceUpdate++ }) }},
		{"a crash", func() {
			for _, k := range running(t, api, id) {
				_ = api.ContainerKill(t.Context(), k.Status.ContainerStatus.ContainerID, "KILL")
			}
		}},
	} {
		event.do()
		became(event.name+": there is a gap", false)
		became(event.name+": it runs again", true)
		mu.Lock()
		if len(hopeless) > 0 {
			t.Errorf("%s: hopeless at\n%s", event.name, strings.Join(hopeless, ""))
		}
		hopeless = nil
		mu.Unlock()
	}
	change(t, api, id, func(s *swarm.ServiceSpec) { s.Mode.Replicated.Replicas = &zero })
	became("scaled to 0", false)
	eventually(t, "without tasks it is hopeless", func() bool { mu.Lock(); defer mu.Unlock(); return empty })
	mu.Lock()
	hopeless = nil
	mu.Unlock()
	change(t, api, id, func(s *swarm.ServiceSpec) { s.Mode.Replicated.Replicas = &one })
	became("scaled up", true)
	change(t, api, id, func(s *swarm.ServiceSpec) {
		s.TaskTemplate.Placement = &swarm.Placement{Constraints: []string{"node.labels.nowhere==1"}}
	})
	eventually(t, "a task that cannot be placed is stuck", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(now, "no suitable node")
	})
}
