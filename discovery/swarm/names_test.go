package swarm

import (
	"context"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

const webName = "tasks.swtest_web."

// named begins a trial of a proxy that is a task, with the name tasks.swtest_web of both its tasks.
func named(t *testing.T) (x *trial, first, second netip.Addr) {
	f := newFake(t, "steady")
	x = begin(t, f, Self{Containers: []string{f.container(t, "fleax")}})
	first, second = f.address(t, web1), f.address(t, web2)
	f.say(first, second)
	pause(5 * time.Second)
	if n := f.questions(webName); n < 10 {
		t.Fatalf("asked for %s %d times", webName, n)
	}
	return x, first, second
}

// address of a task in the network that the proxy is on, too.
func (f *fake) address(t *testing.T, task string) netip.Addr {
	t.Helper()
	var found netip.Addr
	edit(f, "tasks", f.full(t, "tasks", task), func(k *swarm.Task) {
		for _, a := range k.NetworksAttachments {
			if !a.Network.Spec.Ingress {
				found = netip.MustParsePrefix(a.Addresses[0]).Addr()
			}
		}
	})
	return found
}

func (f *fake) say(addresses ...netip.Addr) { f.set(func() { f.names[webName] = addresses }) }

// questions are how often a name was asked for.
func (f *fake) questions(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[name]
}

// withdrawn of a task in the latest snapshot; "gone" if it is not there.
func (x *trial) withdrawn(t *testing.T, id string) string {
	t.Helper()
	full := x.f.full(t, "tasks", id)
	for _, s := range x.latest(t).Services {
		for _, k := range s.Tasks {
			switch {
			case k.ID == full && k.Withdrawn:
				return "withdrawn"
			case k.ID == full:
				return "there"
			}
		}
	}
	return "gone"
}

func (x *trial) expect(t *testing.T, when, first, second string) {
	t.Helper()
	if a, b := x.withdrawn(t, web1), x.withdrawn(t, web2); a != first || b != second {
		t.Errorf("%s: %s and %s, want %s and %s", when, a, b, first, second)
	}
}

func TestAnAddressThatLeavesItsNameIsWithdrawnUntilItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, first, second := named(t)
		x.expect(t, "at first", "there", "there")
		x.f.say(second)
		pause(askEvery + defaultUpdateInterval)
		x.expect(t, "one left", "withdrawn", "there")
		pause(time.Minute)
		x.expect(t, "a minute later, the cluster still says that it runs", "withdrawn", "there")
		x.f.say(first, second)
		pause(askEvery)
		x.expect(t, "it came back", "there", "there")
	})
}

func TestANameThatFailsOrEmptiesSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, first, second := named(t)
		x.f.say()
		pause(time.Minute)
		x.expect(t, "no address is left", "there", "there")
		x.f.set(func() { x.f.asked = map[string]int{} })
		pause(time.Minute)
		if n := x.f.questions(webName); n < 10 || n > 13 {
			t.Errorf("a name that fails was asked for %d times in a minute, want once in %v", n, askSeldom)
		}
		x.f.say(first, second)
		pause(2 * askSeldom)
		x.f.say(first)
		pause(askEvery + defaultUpdateInterval)
		x.expect(t, "it answers again, and one leaves", "there", "withdrawn")
	})
}

// A name may lose the addresses of several tasks one after the other, when all of them have been told to stop.
func TestWhatLeftItsNameWaitsForAListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, first, _ := named(t)
		x.f.set(func() {
			x.f.instead = func(_ http.ResponseWriter, r *http.Request, _ string) bool {
				<-r.Context().Done() // within callTimeout
				return true
			}
		})
		pause(longestInterval) // so that a listing is under way
		x.f.say(first)
		pause(askEvery)
		x.expect(t, "the engine has not answered since", "there", "there")
		pause(unlisted + askEvery)
		x.expect(t, "it takes too long", "there", "withdrawn")
	})
}

func TestAnAnswerAboutAnotherNetworkSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, _, _ := named(t)
		x.f.say(netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"))
		pause(time.Minute)
		x.expect(t, "the name falls through to another network", "there", "there")
	})
}

func TestATaskThatItsNameNeverHadIsNotWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		x := begin(t, f, Self{Containers: []string{f.container(t, "fleax")}})
		f.say(f.address(t, web2))
		pause(time.Minute)
		x.expect(t, "the gossip is slow", "there", "there")
	})
}

func TestWhileTheClusterIsAwayNamesGoOnAndWhatLeftThemIsDropped(t *testing.T) {
	for name, silent := range map[string]bool{"no leader": false, "an engine that hangs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, first, second := named(t)
				x.f.set(func() {
					x.f.instead = func(w http.ResponseWriter, r *http.Request, path string) bool {
						if silent {
							<-r.Context().Done()
						} else {
							say(w, 503, "rpc error: code = Unknown desc = The swarm does not have a leader.")
						}
						return true
					}
				})
				pause(20 * time.Second)
				x.f.say(second)
				pause(askEvery)
				x.expect(t, "one left its name", "withdrawn", "there")
				pause(forsaken + 2*callTimeout)
				x.expect(t, "long ago", "gone", "there")
				x.f.say()
				pause(time.Minute)
				x.expect(t, "the name fails altogether", "gone", "there")
				x.f.say(first, second)
				pause(2 * askSeldom)
				x.expect(t, "it came back", "there", "there")
				x.f.say(second)
				pause(forsaken + 2*callTimeout)
				x.f.set(func() { x.f.instead = nil })
				pause(2*callTimeout + 2*longestInterval)
				x.expect(t, "the cluster says that it runs, its name does not", "withdrawn", "there")
			})
		})
	}
}

func TestAProxyOutsideTheClusterAsksForNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, "steady")
		begin(t, f, Self{})
		pause(10 * time.Second)
		if n := f.questions(webName); n > 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestQuestionsAreBoundedHoweverManyNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 1000
		var asked atomic.Int64
		n := newNames(func(context.Context, string) ([]netip.Addr, error) {
			asked.Add(1)
			return []netip.Addr{netip.MustParseAddr("10.0.1.5")}, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		follow := map[string][]swarm.Task{}
		for i := range services {
			follow[string(rune('a'+i))] = []swarm.Task{{ID: "k"}}
		}
		n.follow(ctx, follow, func(string) bool { return true })
		pause(time.Minute)
		if n := asked.Load(); n < 55*askMost || n > 60*askMost+services {
			t.Errorf("%d questions in a minute, want %d a second", n, askMost)
		}
		n.follow(ctx, nil, nil)
		pause(time.Minute)
		asked.Store(0)
		pause(time.Minute)
		if n := asked.Load(); n > 0 {
			t.Errorf("%d questions for names that are not followed any more", n)
		}
		cancel()
		n.askers.Wait()
	})
}
