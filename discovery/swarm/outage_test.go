package swarm

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFailureIsSaidOnceAndChangesNothing(t *testing.T) {
	answer := func(code int, kind, body string) func(http.ResponseWriter, *http.Request, string) bool {
		return func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path == "/_ping" {
				return false
			}
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	message := func(m string) func(http.ResponseWriter, *http.Request, string) bool {
		return answer(503, "application/json", `{"message":"`+m+`"}`)
	}
	for _, c := range []struct {
		name    string
		instead func(http.ResponseWriter, *http.Request, string) bool
		refuse  error
		cure    string
	}{
		{"worker", message("This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."), nil, "node.role == manager"},
		{"no Swarm", message("This node is not a swarm manager. Use \\\"docker swarm init\\\" or \\\"docker swarm join\\\" to connect this node to swarm and try again."), nil, "docker swarm init"},
		{"locked", message("Swarm is encrypted and needs to be unlocked before it can be used. Please use \\\"docker swarm unlock\\\" to unlock it."), nil, "docker swarm unlock"},
		{"no leader", message("rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online."), nil, "more than half of the managers"},
		{"HTML", answer(200, "text/html", "<html><body>It works!</body></html>"), nil, "is a Docker engine"},
		{"an error page", answer(500, "text/html", "<html>Internal Server Error</html>"), nil, "see the engine's log"},
		{"null", answer(200, "application/json", "null"), nil, "is a Docker engine"},
		{"other objects", answer(200, "application/json", `[{"name":"nginx"}]`), nil, "is a Docker engine"},
		{"an object", answer(200, "application/json", `{"hello":1}`), nil, "is a Docker engine"},
		{"nothing", answer(200, "application/json", "[]"), nil, "is a Docker engine"},
		{"an empty cluster, though this process is of it", func(w http.ResponseWriter, _ *http.Request, path string) bool {
			if path != "/services" && path != "/tasks" {
				return false
			}
			_, _ = w.Write([]byte("[]"))
			return true
		}, nil, "is a Docker engine"},
		{"truncated", answer(200, "application/json", `[{"ID":"abc","Version":{"In`), nil, "see the engine's log"},
		{"a socket proxy's no", answer(403, "text/html", "<html><body><h1>403 Forbidden</h1></body></html>"), nil, "socket proxy"},
		{"silence", func(_ http.ResponseWriter, r *http.Request, path string) bool {
			if path == "/events" {
				return false
			}
			<-r.Context().Done()
			return true
		}, nil, "hangs"},
		{"refused", nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.ECONNREFUSED}, "runs and listens"},
		{"permission", nil, &net.OpError{Op: "dial", Net: "unix", Err: syscall.EACCES}, "group that owns the socket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, "steady")
				x := begin(t, f, Self{Containers: []string{f.container(t, "fleax")}})
				pause(5 * time.Second)
				began := time.Now()
				f.set(func() { f.instead, f.refuse = c.instead, c.refuse })
				if c.refuse != nil {
					f.cutStreams()
				}
				pause(time.Minute)
				if x.count() != 1 {
					t.Errorf("applied %d times: %+v", x.count(), x.latest(t))
				}
				if s := x.Status(); s.Err == nil || s.Since.Before(began) || s.Since.After(began.Add(10*time.Second)) {
					t.Errorf("status %+v", s)
				}
				if lines := x.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], c.cure) || !strings.Contains(lines[0], "stays in force") {
					t.Errorf("said, want once, with %q:\n%s", c.cure, strings.Join(lines, "\n"))
				}
				f.set(func() { f.instead, f.refuse = nil, nil })
				pause(10 * time.Second)
				if lines := x.log.lines(); len(lines) != 2 || !strings.Contains(lines[1], `"lasted":`) {
					t.Errorf("the end is not said once, with its length:\n%s", strings.Join(lines, "\n"))
				}
				if s := x.Status(); s.Err != nil || time.Since(s.Seen) > 2*time.Second {
					t.Errorf("after it: status %+v", s)
				}
			})
		})
	}
}

func TestAStartWithoutAnEngineAppliesNothingAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		f.refuse = &net.OpError{Op: "dial", Net: "unix", Err: errors.New("connection refused")}
		x := begin(t, f, Self{})
		pause(time.Minute)
		if x.count() != 0 || !x.Status().Seen.IsZero() || x.Status().Err == nil {
			t.Errorf("applied %d, status %+v", x.count(), x.Status())
		}
		if lines := x.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "nothing is routed until it answers") {
			t.Errorf("said:\n%s", strings.Join(lines, "\n"))
		}
		f.set(func() { f.refuse = nil })
		pause(1500 * time.Millisecond)
		if x.count() != 1 || x.state(t, web1) != "running" {
			t.Errorf("1.5 s after the engine came: applied %d times", x.count())
		}
	})
}

func TestAnOutageThatChangesItsNatureSaysEachCureOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		x := begin(t, f, Self{})
		pause(time.Second)
		locked := func(w http.ResponseWriter, _ *http.Request, path string) bool {
			say(w, 503, "Swarm is encrypted and needs to be unlocked before it can be used.")
			return true
		}
		for range 5 {
			f.set(func() { f.refuse, f.instead = syscall.ECONNREFUSED, nil })
			f.cutStreams()
			pause(20 * time.Second)
			f.set(func() { f.refuse, f.instead = nil, locked })
			pause(20 * time.Second)
		}
		if lines := x.log.lines(); len(lines) != 2 {
			t.Errorf("said %d times, want twice:\n%s", len(lines), strings.Join(lines, "\n"))
		}
	})
}

func TestTriesDuringAnOutageAreSpacedWithinBounds(t *testing.T) {
	var o outage
	now := time.Now()
	for n := range 100 {
		limit := min(100*time.Millisecond<<min(n, 10), longestInterval)
		if d := o.failed(now, errors.New("away")); d < limit/2 || d > limit {
			t.Fatalf("try %d waits %v, want between %v and %v", n, d, limit/2, limit)
		}
	}
}
