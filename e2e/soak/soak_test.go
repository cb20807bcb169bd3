//go:build linux

package main

import (
	"context"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// rig of a test, with all that was seen in a directory that outlives it.
func rigFor(t *testing.T) *rig {
	t.Helper()
	cluster.Require(t)
	r, err := newRig(t.Context(), "../../.build/soak/test", 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return r
}

// play plays rows; each fault of one is the test's.
func play(t *testing.T, r *rig, rows []row) {
	t.Helper()
	results, err := r.play(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range results {
		x.print(os.Stdout)
		for _, f := range x.faults {
			t.Errorf("%s, %s: %s", x.name, x.service, f)
		}
	}
}

func TestTwentyUpdatesOnThreeNodesLoseNothing(t *testing.T) {
	r := rigFor(t)
	started := time.Now()
	play(t, r, updates(20))
	t.Logf("20 updates took %s", time.Since(started).Round(time.Second))
}

func TestNothingIsLostWhenANodeFails(t *testing.T) {
	r := rigFor(t)
	play(t, r, of("die", "^(cable cut|container killed|node drained$)"))
}

func TestProxiesOfSeveralNodesAgreeOnEveryPin(t *testing.T) {
	r := rigFor(t)
	play(t, r, of("linger", "three proxies asked in turn"))
}

// of are the events of one app whose names match.
func of(service, names string) []row {
	return slices.DeleteFunc(plan(0, regexp.MustCompile(names)), func(w row) bool { return w.service != service })
}
