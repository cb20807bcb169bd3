//go:build linux

package cluster

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// up is a cluster for a test. It skips the test unless it was asked for, or where a cluster cannot be.
func up(t *testing.T, o Options) *Cluster {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c, err := Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

const testNumber = 1

func TestFaultsDoWhatTheySayAndEnd(t *testing.T) {
	c := up(t, Options{Number: testNumber, Nodes: 3, Managers: 3})
	first, second, third := c.Nodes[0], c.Nodes[1], c.Nodes[2]
	for _, fault := range []struct {
		name      string
		begin     func(context.Context) error
		end       func(context.Context) error
		there     func(context.Context) bool // while it lasts
		continues func(context.Context) bool // also while it lasts
	}{
		{"a cut cable", third.CutCable, third.Mend,
			func(context.Context) bool { return !hears(third) },
			func(ctx context.Context) bool { return engineAnswers(ctx, third) }},
		{"a hung engine", third.PauseDaemon, third.ResumeDaemon,
			func(ctx context.Context) bool { return !engineAnswers(ctx, third) },
			func(context.Context) bool { return hears(third) }},
		{"a killed engine", third.KillDaemon, third.StartDaemon,
			func(ctx context.Context) bool { return !engineAnswers(ctx, third) },
			func(context.Context) bool { return !hears(third) }},
		{"a dead node", third.Kill, third.Start,
			func(ctx context.Context) bool { return !engineAnswers(ctx, third) && !hears(third) },
			func(context.Context) bool { return hears(second) }},
		{"a lost quorum", c.LoseQuorum, c.FindQuorum,
			func(ctx context.Context) bool { return !decides(ctx, first) },
			func(ctx context.Context) bool { return engineAnswers(ctx, first) }},
		{"a drained node",
			func(ctx context.Context) error { return c.Drain(ctx, second) },
			func(ctx context.Context) error { return c.Activate(ctx, second) },
			func(ctx context.Context) bool { return strings.Contains(nodes(ctx, first), "node-2 Ready Drain") },
			func(context.Context) bool { return hears(second) }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := fault.begin(ctx); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the fault shows", fault.there)
			eventually(t, "all else goes on", fault.continues)
			if err := fault.end(ctx); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all nodes are ready again", func(ctx context.Context) bool {
				return strings.Count(nodes(ctx, first), "Ready Active") == 3 && hears(third) && engineAnswers(ctx, third)
			})
		})
	}
	t.Run("a restarted engine", func(t *testing.T) {
		if err := second.RestartDaemon(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is of the Swarm again", func(ctx context.Context) bool { return decides(ctx, second) })
	})
}

func TestNothingRemainsOfACluster(t *testing.T) {
	Require(t)
	crashed, err := Up(t.Context(), Options{Number: testNumber, Nodes: 1, Managers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := crashed.lock.Close(); err != nil { // as the end of its process does
		t.Fatal(err)
	}
	c := up(t, Options{Number: testNumber, Nodes: 2, Managers: 1})
	if got := strings.Count(nodes(t.Context(), c.Nodes[0]), "Ready Active"); got != 2 {
		t.Errorf("%d nodes are ready, want 2", got)
	}
	if err := sweep(t.Context(), testNumber); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ip", "netns", "list"}, {"ip", "link"}, {"iptables", "--list-rules"}, {"mount"}, {"ps", "-e", "-o", "args"}} {
		out, err := run(t.Context(), args[0], args[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, bridge(testNumber)) || strings.Contains(line, home(testNumber)) {
				t.Errorf("%s: %s", args[0], line)
			}
		}
	}
	if _, err := os.Stat(home(testNumber)); !os.IsNotExist(err) {
		t.Errorf("%s: %v, want it gone", home(testNumber), err)
	}
}

// hears tells whether a connection to the node's manager can be made.
func hears(n *Node) bool {
	conn, err := net.DialTimeout("tcp", n.Address+":2377", 500*time.Millisecond)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func engineAnswers(ctx context.Context, n *Node) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := n.Docker(ctx, "version")
	return err == nil
}

// decides tells whether the node knows a leader.
func decides(ctx context.Context, n *Node) bool { return nodes(ctx, n) != "" }

// nodes are the nodes as one of them sees them, a line each; "": it cannot tell.
func nodes(ctx context.Context, n *Node) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	out, err := n.Docker(ctx, "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.Availability}}")
	if err != nil {
		return ""
	}
	return out
}

func eventually(t *testing.T, what string, so func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !so(ctx) {
		if rest(ctx) != nil {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
