//go:build linux

package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// plan is the rows that a run has: rounds of updates, then each event once for each app.
func plan(rounds int, only *regexp.Regexp) []row {
	all := updates(min(rounds, 200))
	for _, service := range []string{"die", "linger"} {
		for _, w := range events() {
			w.service = service
			all = append(all, w)
		}
	}
	all = append(all,
		row{name: "update, sessions stay, a proxy killed", service: stays, replicas: 3, inTurn: true, replaces: true, kills: true, event: stayed},
		row{name: "global service updated", service: global, replicas: 3, replaces: true,
			event: func(ctx context.Context, r *rig) error { return r.update(ctx, "--force") }},
		// Engines that hang are soon taken for dead by the others, which then find no way to their tasks: one task is on the first node.
		row{name: "quorum lost for 15 s", service: global, replicas: 3, kills: true, shuts: true, event: quorumLost})
	return slices.DeleteFunc(all, func(w row) bool { return !only.MatchString(w.name) })
}

// updates are rounds of updates, start-first and stop-first in turn: of 1, 3 and 6 replicas, of one app and then of
// the other.
func updates(rounds int) (all []row) {
	for i := range rounds {
		order := []string{"start-first", "stop-first"}[i%2]
		all = append(all, row{
			name:     fmt.Sprintf("update %d, %s", i+1, order),
			service:  []string{"die", "linger"}[2*i/rounds],
			replicas: []int{1, 3, 6}[6*i/rounds%3],
			replaces: true,
			event: func(ctx context.Context, r *rig) error {
				return r.update(ctx, "--update-order", order, "--env-add", fmt.Sprintf("ROUND=%d", i))
			},
		})
	}
	return all
}

// events are what can befall one app.
func events() []row {
	return []row{
		{name: "update --force", replicas: 3, replaces: true, event: func(ctx context.Context, r *rig) error { return r.update(ctx, "--force") }},
		{name: "nothing, three proxies asked in turn", replicas: 3, inTurn: true, event: func(ctx context.Context, r *rig) error { wait(ctx, 3*time.Second); return ctx.Err() }},
		{name: "update, three proxies asked in turn", replicas: 3, inTurn: true, replaces: true, event: startFirst},
		{name: "update, three proxies asked in turn, one a second behind", replicas: 3, inTurn: true, replaces: true, event: oneBehind},
		{name: "port moved and moved back", replicas: 3, replaces: true, event: movePort},
		{name: "broken update, rolled back", replicas: 3, event: brokenUpdate},
		{name: "scaled to 6, 1 and back", replicas: 3, event: scaled(6, 1, 3)},
		{name: "scaled to 0 and back", replicas: 3, replaces: true, refuses: true, event: scaled(0, 3)},
		{name: "service removed and made again", replicas: 3, replaces: true, refuses: true, removes: true, event: remade},
		{name: "container killed", replicas: 3, kills: true, event: toOne("kill")},
		{name: "only container killed", replicas: 1, replaces: true, kills: true, event: toOne("kill")},
		{name: "container made unhealthy", replicas: 3, event: toOne("exec", "/app", "sicken")},
		{name: "process hung", replicas: 3, kills: true, event: toOne("kill", "--signal", "STOP")},
		{name: "node drained", replicas: 3, event: drained},
		{name: "node drained, with the only replica", replicas: 1, event: drained},
		{name: "node drained by which the load comes", replicas: 3, shuts: true, event: edgeDrained},
		{name: "cable cut for 30 s", replicas: 3, kills: true, event: onNode((*cluster.Node).CutCable, 30*time.Second, (*cluster.Node).Mend)},
		{name: "engine of a node killed", replicas: 3, kills: true, event: onNode((*cluster.Node).KillDaemon, 25*time.Second, (*cluster.Node).StartDaemon)},
		{name: "node without power", replicas: 3, kills: true, event: onNode((*cluster.Node).Kill, 25*time.Second, (*cluster.Node).Start)},
		{name: "manager restarted", replicas: 3, kills: true, stops: true, event: managerRestarted},
		{name: "leader without power", replicas: 3, kills: true, event: leaderLost},
		{name: "engine of the proxy's node hangs, leader lost", replicas: 3, event: leaderHangs},
		{name: "proxies updated", replicas: 3, event: func(ctx context.Context, r *rig) error { return r.updateOf(ctx, "proxy", "--force") }},
		{name: "proxy killed", replicas: 3, kills: true, event: proxyKilled},
		{name: "door restarted", replicas: 3, shuts: true, event: func(ctx context.Context, r *rig) error { return r.updateOf(ctx, "door", "--force") }},
		{name: "all three engines restarted, one after the other", replicas: 3, replaces: true, kills: true, stops: true, event: allRestarted},
	}
}
