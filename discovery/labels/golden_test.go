package labels

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

var update = flag.Bool("update", false, "write what Convert gives into the golden files")

const dashes = "----------\n"

// Each file has a cluster above the dashes, and the snapshot of it below. A cluster is written so:
//
//	options shared=proxy,web network=proxy exposedbydefault=false defaultrule=...
//	service shop_web ports=80,81 networks=proxy,shop_default nocheck
//	  a.label=its value
//	  task 1 10.0.1.1 starting proxy         slot (or node), address, state, network
//	    a.label=of its generation, in place of all of its service's
//
// Services come oldest first. One without networks= is on the network proxy, as the proxy is; one
// without tasks has one.
func TestLabelsBecomeTheSnapshotThatTheirFileShows(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d golden files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given, want, _ := strings.Cut(string(content), dashes)
			cluster, options := readCluster(t, given)
			got := show(Convert(cluster, options))
			if *update {
				if err := os.WriteFile(file, []byte(given+dashes+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func readCluster(t testing.TB, text string) (Cluster, Options) {
	t.Helper()
	cluster, options := Cluster{ID: "swarm1"}, Options{Shared: networks("proxy")}
	var s *Service
	var task *Task
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		words := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case words[0] == "options":
			readOptions(t, line, &options)
		case words[0] == "service":
			task = nil
			cluster.Services = append(cluster.Services, readService(t, words, len(cluster.Services)))
			s = &cluster.Services[len(cluster.Services)-1]
		case words[0] == "task":
			s.Tasks = append(s.Tasks, readTask(t, s, words))
			task = &s.Tasks[len(s.Tasks)-1]
		default:
			key, value, _ := strings.Cut(line, "=")
			if task == nil {
				s.Labels[key] = value
				continue
			}
			if task.Labels == nil {
				task.Labels = map[string]string{}
			}
			task.Labels[key] = value
		}
	}
	for i := range cluster.Services {
		if s := &cluster.Services[i]; len(s.Tasks) == 0 {
			s.Tasks = []Task{readTask(t, s, []string{"task", "1", fmt.Sprintf("10.0.%d.1", i+1)})}
		}
	}
	return cluster, options
}

func readOptions(t testing.TB, line string, o *Options) {
	if _, rule, ok := strings.Cut(line, "defaultrule="); ok {
		o.DefaultRule, line = rule, strings.TrimSuffix(line, "defaultrule="+rule)
	}
	for _, word := range strings.Fields(line)[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "shared":
			o.Shared = networks(value)
		case "outside":
			o.Shared = nil
		case "network":
			o.Network = value
		case "exposedbydefault":
			on := value == "true"
			o.ExposedByDefault = &on
		default:
			t.Fatalf("no option %q", key)
		}
	}
}

func readService(t testing.TB, words []string, n int) Service {
	s := Service{
		ID: fmt.Sprintf("s%d", n+1), Name: words[1], Created: time.Unix(int64(n), 0), Labels: map[string]string{},
		Networks: networks("proxy"), Checked: true,
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "ports":
			for port := range strings.SplitSeq(value, ",") {
				number, err := strconv.Atoi(port)
				if err != nil {
					t.Fatal(err)
				}
				s.Ports = append(s.Ports, number)
			}
		case "networks":
			s.Networks = networks(value)
		case "nocheck":
			s.Checked = false
		default:
			t.Fatalf("no word %q", key)
		}
	}
	return s
}

func readTask(t testing.TB, s *Service, words []string) Task {
	task := Task{ID: s.ID + "t" + words[1], Name: s.Name + "." + words[1], NodeID: words[1], Node: "node-" + words[1], State: discovery.Running,
		Addresses: map[string]netip.Addr{}, Checked: s.Checked, StopGrace: 10 * time.Second}
	if slot, err := strconv.Atoi(words[1]); err == nil {
		task.Slot, task.NodeID, task.Node = slot, "n1", "node-1"
	}
	var address netip.Addr
	var on []Network
	for _, word := range words[2:] {
		switch word {
		case "starting":
			task.State = discovery.Starting
		case "leaving":
			task.State = discovery.Leaving
		default:
			if addr, err := netip.ParseAddr(word); err == nil {
				address = addr
				on = s.Networks
			} else {
				on = networks(word)
			}
		}
	}
	for _, n := range on {
		task.Addresses[n.ID] = address
		address = address.Next()
	}
	return task
}

func networks(names string) []Network {
	list := []Network{}
	for _, name := range parseList(names) {
		list = append(list, Network{ID: "id-" + name, Name: name})
	}
	return list
}

// show writes a snapshot as text. What has its default is left out.
func show(snap discovery.Snapshot) string {
	var b strings.Builder
	for _, r := range snap.Routers {
		fmt.Fprintf(&b, "router %s -> %s\n  rule %s\n", r.Name, r.Service, r.Rule)
		showIf(&b, "priority", r.Priority, 0)
		showIf(&b, "entry points", strings.Join(r.EntryPoints, ", "), "")
		showIf(&b, "middlewares", strings.Join(r.Middlewares, ", "), "")
		showIf(&b, "tls", r.TLS, false)
	}
	for _, s := range snap.Services {
		fmt.Fprintf(&b, "service %s\n", s.Name)
		showIf(&b, "strategy", s.Strategy, discovery.WRR)
		showIf(&b, "pass host header", s.PassHostHeader, true)
		showIf(&b, "slow start", s.SlowStart, 0)
		if s.Sticky != nil {
			fmt.Fprintf(&b, "  cookie %+v\n", *s.Sticky)
		}
		for _, task := range s.Tasks {
			fmt.Fprintf(&b, "  task %s seat %s %s %s://%s\n", task.Name, task.Seat, task.State, task.Address.Scheme, task.Address.HostPort)
			showIf(&b, "  weight", task.Weight, 1)
			if task.Probe != nil {
				fmt.Fprintf(&b, "    probe %+v\n", *task.Probe)
			}
		}
	}
	for _, p := range snap.Problems {
		fmt.Fprintf(&b, "problem %s\n", p)
	}
	return b.String()
}

func showIf[T comparable](b *strings.Builder, name string, value, ordinary T) {
	if value != ordinary {
		fmt.Fprintf(b, "  %s %v\n", name, value)
	}
}

// BenchmarkConvert reads 1,000 services of 5 tasks, half of them in the midst of an update.
func BenchmarkConvert(b *testing.B) {
	c := Cluster{ID: "swarm1"}
	for i := range 1000 {
		name := fmt.Sprintf("stack%d_web", i)
		text := fmt.Sprintf("service %s\n traefik.enable=true\n traefik.swarm.network=proxy\n"+
			" traefik.http.routers.r%[2]d.rule=Host(`h%[2]d.example.com`)\n traefik.http.routers.r%[2]d.entrypoints=websecure\n"+
			" traefik.http.routers.r%[2]d.tls.certresolver=le\n traefik.http.services.s%[2]d.loadbalancer.server.port=8000\n"+
			" traefik.http.services.s%[2]d.loadbalancer.sticky.cookie=true\n traefik.http.services.s%[2]d.loadbalancer.healthcheck.path=/health\n",
			name, i)
		one, _ := readCluster(b, text)
		s := one.Services[0]
		first := s.Tasks[0]
		first.Labels = maps.Clone(s.Labels)
		if i%2 == 0 {
			first.Labels[fmt.Sprintf("traefik.http.services.s%d.loadbalancer.server.port", i)] = "9000"
		}
		s.Tasks = nil
		for slot := 1; slot <= 5; slot++ {
			task := first
			task.ID, task.Slot = fmt.Sprintf("%s-%d", name, slot), slot
			s.Tasks = append(s.Tasks, task)
		}
		c.Services = append(c.Services, s)
	}
	o := Options{Shared: networks("proxy")}
	if snap := Convert(c, o); len(snap.Routers) != 1000 || len(snap.Services) != 1000 || len(snap.Problems) != 0 || len(snap.Services[0].Tasks) != 5 {
		b.Fatalf("%d routers, %d services, problems %v", len(snap.Routers), len(snap.Services), snap.Problems)
	}
	b.ReportAllocs()
	for b.Loop() {
		Convert(c, o)
	}
}
