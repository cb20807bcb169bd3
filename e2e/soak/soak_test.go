//go:build linux

package main

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

func TestOnThreeNodes(t *testing.T) {
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
	t.Run("twenty updates lose nothing", func(t *testing.T) { play(t, r, updates(20)) })
	t.Run("a container and a cable are lost, and nothing else", func(t *testing.T) {
		play(t, r, of("die", "^(container killed|cable cut)"))
	})
	t.Run("the edge node is drained", func(t *testing.T) { play(t, r, of("linger", "by which the load comes")) })
	t.Run("proxies agree on every pin", func(t *testing.T) { play(t, r, of("linger", "three proxies")) })
}

// play plays rows; each fault of one is the test's.
func play(t *testing.T, r *rig, rows []row) {
	t.Helper()
	results, err := r.play(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range results {
		for _, f := range x.faults {
			t.Errorf("%s, %s: %s", x.name, x.service, f)
		}
	}
}

// of are the events of one app whose names match.
func of(service, names string) []row {
	return slices.DeleteFunc(plan(0, regexp.MustCompile(names)), func(w row) bool { return w.service != service })
}
