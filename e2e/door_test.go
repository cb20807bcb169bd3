package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

func TestProxiesComeAndGoBehindADoor(t *testing.T) {
	s := deployFrom(t, onEngine(t), "door", proxyImage(t), "die", "door.yml", "door-published.yml")
	proxies := s.name + "_proxy"
	t.Run("clients keep their addresses", func(t *testing.T) { showsClients(t, s) })
	t.Run("both proxies are updated, start-first", func(t *testing.T) {
		before := s.containers(t, proxies)
		v := atTheDoor(t, s, func() { replace(t, proxies) })
		after := s.containers(t, proxies)
		for _, c := range before {
			if slices.Contains(after, c) {
				t.Errorf("proxy %s was not replaced", c)
			}
		}
		v.lostNothing(t)
	})
	t.Run("one of two proxies is killed", func(t *testing.T) { killProxy(t, s, proxies) })
	t.Run("the door is replaced", func(t *testing.T) {
		old := s.containers(t, s.name+"_door")[0]
		v := atTheDoor(t, s, func() { replace(t, s.name+"_door") })
		if !waited(t, old) {
			t.Error("the door, which has a network of its own, did not wait for its proxies")
		}
		from, to := v.gap()
		t.Logf("no answer for %v", to.Sub(from).Round(time.Millisecond))
		const last = time.Second // in which clients are refused, and the last requests still answered
		v.lostOnly(t, "in the door's absence", func(r load.Record) bool { return r.Start.Before(to) && r.End.After(from.Add(-last)) })
	})
}

// In the host's network namespace what the proxies have of the old door still works: the port has no gap at all.
func TestADoorInTheHostsNetworkIsReplacedUnnoticed(t *testing.T) {
	s := deployFrom(t, onEngine(t), "doorhost", proxyImage(t), "die", "door.yml", "door-host.yml")
	for _, how := range []struct {
		name  string
		event func()
	}{
		{"replaced", func() { replace(t, s.name+"_door") }},
		{"killed", func() {
			old := s.containers(t, s.name+"_door")[0]
			docker(t, "kill", old)
			eventually(t, "there is another door", time.Minute, func() bool {
				now := s.containers(t, s.name+"_door")
				return len(now) == 1 && now[0] != old
			})
		}},
	} {
		t.Run(how.name, func(t *testing.T) {
			old := s.containers(t, s.name+"_door")[0]
			atTheDoor(t, s, how.event).lostNothing(t)
			if waited(t, old) {
				t.Error("the door waited for its proxies, though its end cuts nothing")
			}
		})
	}
}

// waited tells whether a door that has ended had waited for its proxies.
func waited(t *testing.T, door string) bool {
	t.Helper()
	log, err := exec.CommandContext(t.Context(), "docker", "logs", door).CombinedOutput() // it writes to standard error
	if err != nil || !strings.Contains(string(log), "listening for the proxies") {
		t.Fatalf("the log of the door %s: %v: %s", door, err, log)
	}
	return strings.Contains(string(log), "waiting for the proxies")
}

// replace has a service's tasks replaced, and waits for the end of it.
func replace(t *testing.T, service string) {
	t.Helper()
	docker(t, "service", "update", "--force", "--detach=false", service)
}

// killProxy kills one of the two. What it had in its hands may fail.
func killProxy(t *testing.T, s *stack, proxies string) {
	victim := s.containers(t, proxies)[0]
	var killed time.Time
	v := atTheDoor(t, s, func() {
		if out := docker(t, "logs", "--since", "5s", victim); !strings.Contains(out, `"status":200`) {
			t.Error("the victim had served nothing")
		}
		killed = time.Now()
		docker(t, "kill", victim)
		eventually(t, "there are two again", time.Minute, func() bool {
			now := s.containers(t, proxies)
			return len(now) == 2 && !slices.Contains(now, victim)
		})
	})
	const kill = time.Second // how long the engine may take to do it
	v.lostOnly(t, "in the hands of the killed one", func(r load.Record) bool {
		return r.Start.Before(killed.Add(kill)) && r.End.After(killed) && r.End.Before(killed.Add(kill))
	})
}

// containers are the running ones of a service, by the engine's word.
func (s *stack) containers(t *testing.T, service string) []string {
	t.Helper()
	tasks, err := s.tasks(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, k := range tasks {
		if k.running() {
			all = append(all, k.container())
		}
	}
	return all
}

// showsClients: the proxy sees an address of this machine from which it is asked, and not Docker's in its stead, as
// localhost is shown to it.
func showsClients(t *testing.T, s *stack) {
	docked := s.seenAs(t, s.url)
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		own, is := a.(*net.IPNet)
		if !is || own.IP.To4() == nil || own.IP.IsLoopback() || own.IP.String() == docked {
			continue
		}
		seen := s.seenAs(t, strings.Replace(s.url, "localhost", own.IP.String(), 1))
		t.Logf("a client at %s is seen as %s", own.IP, seen)
		if seen == own.IP.String() {
			return
		}
	}
	t.Errorf("no client's address was seen; this machine has %v", addresses)
}

// seenAs asks once, and returns the client's address by the access log of the proxy that answered.
func (s *stack) seenAs(t *testing.T, url string) (client string) {
	t.Helper()
	id := fmt.Sprint("seen-", time.Now().UnixNano())
	if !answers(url + "?id=" + id) {
		t.Fatalf("no answer from %s", url)
	}
	eventually(t, "the request is in an access log", 10*time.Second, func() bool {
		for _, c := range s.containers(t, s.name+"_proxy") {
			for text := range strings.Lines(docker(t, "logs", "--since", "30s", c)) {
				var l struct{ Client, Target string }
				if json.Unmarshal([]byte(text), &l) == nil && strings.Contains(l.Target, id) {
					client = l.Client
				}
			}
		}
		return client != ""
	})
	return client
}

// visit is what became of the load while something happened at the door.
type visit struct {
	report   load.Report
	from, to time.Time
}

// atTheDoor lets something happen to the proxies, or to the door, while 20 clients with cookies work, and two without.
func atTheDoor(t *testing.T, s *stack, event func()) visit {
	t.Helper()
	run := load.Start(t.Context(), load.Options{URL: s.url, Clients: 20, Passers: 2, Pause: 30 * time.Millisecond, Echo: true, Work: 50 * time.Millisecond})
	defer run.Stop()
	eventually(t, "the load works", 30*time.Second, func() bool { return len(run.Report().Records) > 500 })
	v := visit{from: time.Now()}
	event()
	v.to = time.Now()
	time.Sleep(3 * time.Second) // the load goes on: what ended badly shows after the end, too
	v.report = run.Stop()
	posts := 0
	for _, r := range v.report.Records {
		if r.Method == http.MethodPost {
			posts++
		}
	}
	t.Logf("%d requests, %d of them POSTs, %d during the event of %.1f s; %d failed, slowest %v", len(v.report.Records), posts,
		len(v.report.Between(v.from, v.to).Records), v.to.Sub(v.from).Seconds(), len(v.report.Failed()), v.report.Slowest())
	return v
}

func (v visit) lostNothing(t *testing.T) {
	t.Helper()
	v.lostOnly(t, "by right", func(load.Record) bool { return false })
}

// lostOnly: nothing failed but what had to, for the reason given; the rest of the event was full of requests.
func (v visit) lostOnly(t *testing.T, reason string, mayFail func(load.Record) bool) {
	t.Helper()
	counted := 0
	for _, r := range v.report.Failed() {
		if mayFail(r) {
			counted++
			continue
		}
		t.Errorf("failed, and not %s: %v", reason, r)
	}
	t.Logf("%d failed %s", counted, reason)
	if n := len(v.report.Between(v.from, v.to).Records); n < 50 {
		t.Errorf("only %d requests met the event", n)
	}
}

// gap is the longest time without any answer.
func (v visit) gap() (from, to time.Time) {
	last := v.from
	for _, r := range v.report.Records {
		if r.Err != nil || r.End.Before(last) {
			continue
		}
		if r.End.Sub(last) > to.Sub(from) {
			from, to = last, r.End
		}
		last = r.End
	}
	return from, to
}
