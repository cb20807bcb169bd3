package balancer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// shares takes n times, with the same pin or none, and counts by task.
func shares(p *Pool, n int) map[string]int {
	counts := map[string]int{}
	for range n {
		id, _ := take(p, nil)
		counts[id]++
	}
	return counts
}

func TestTheWheelGoesRoundSmoothly(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    string
	}{
		{nil, ""}, {[]int{0}, ""}, {[]int{7}, "a"}, {[]int{1, 1, 1}, "abc"}, {[]int{300, 100}, "aaba"},
		{[]int{5, 1, 1}, "aaabcaa"}, {[]int{0, 2, 4}, "cbc"},
	} {
		var ms []member
		for _, w := range c.weights {
			ms = append(ms, member{weight: w})
		}
		var got strings.Builder
		for _, i := range newWheel(ms) {
			got.WriteByte("abc"[i])
		}
		if got.String() != c.want {
			t.Errorf("%v: %s, want %s", c.weights, &got, c.want)
		}
	}
}

func TestTheWheelIsBounded(t *testing.T) {
	wheel := newWheel([]member{{weight: 1 << 62}, {weight: 1<<62 - 1}, {weight: 1}})
	if len(wheel) > maxWheel+3 || len(wheel) < maxWheel/2 {
		t.Errorf("it has %d places", len(wheel))
	}
	for i := range int32(3) {
		found := false
		for _, m := range wheel {
			found = found || m == i
		}
		if !found {
			t.Errorf("member %d has no place", i)
		}
	}
}

func TestRoundRobinGoesByWeight(t *testing.T) {
	p := adopted(nil, service(task(1, weighing(3)), task(2), task(3, weighing(0)))).Pool("shop")
	if got := fmt.Sprint(shares(p, 400)); got != "map[t1:300 t2:100]" {
		t.Error(got)
	}
}

func TestTheNeighbourOfABadBackendDoesNotGetItsShare(t *testing.T) {
	p := adopted(nil, service(tasks(4)...)).Pool("shop")
	ejected(backendOf(t, p, "t2"))
	if got := fmt.Sprint(shares(p, 300)); got != "map[t1:100 t3:100 t4:100]" {
		t.Error(got)
	}
}

func TestRoundRobinGoesOnInTheNextSet(t *testing.T) {
	s := adopted(nil, service(tasks(3)...))
	counts := map[string]int{}
	for range 9 {
		id, _ := take(s.Pool("shop"), nil)
		counts[id]++
		s = adopted(s, service(tasks(3)...))
	}
	if got := fmt.Sprint(counts); got != "map[t1:3 t2:3 t3:3]" {
		t.Error(got)
	}
}

func TestOfTwoTheOneWithFewerInFlightIsTaken(t *testing.T) {
	s := service(tasks(3)...)
	s.Strategy = discovery.P2C
	p := adopted(nil, s).Pool("shop")
	busy := backendOf(t, p, "t2")
	for range 10 {
		busy.Acquire()
	}
	got := shares(p, 3000)
	// Only when every draw is of t2: three of them, 1 in 27.
	if got["t2"] > 200 || got["t1"] < 1200 || got["t3"] < 1200 {
		t.Errorf("shares are %v", got)
	}
}

func TestTheQuickestIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service(tasks(3)...)
		s.Strategy = discovery.LeastTime
		p := adopted(nil, s).Pool("shop")
		backendOf(t, p, "t1").Answered(10 * time.Millisecond)
		backendOf(t, p, "t2").Answered(35 * time.Millisecond)
		// t3 counts as an average one, 22.5 ms.
		if got := fmt.Sprint(shares(p, 5)); got != "map[t1:5]" {
			t.Errorf("at rest: %s", got)
		}
		var order string
		for range 5 {
			c, _ := p.Take(nil, netip.Addr{}, new(Tried))
			order += c.Backend.Task().ID
		}
		if order != "t1t1t3t1t2" {
			t.Errorf("under load: %s", order)
		}
		time.Sleep(10 * halfLife)
		backendOf(t, p, "t2").Answered(time.Millisecond)
		if got := backendOf(t, p, "t1").answer.read(p.hub.now()); got > 0.0001 {
			t.Errorf("what was slow once stays slow: %v s", got)
		}
	})
}

func TestAClientKeepsItsSeatWhoeverSitsThere(t *testing.T) {
	s := service(tasks(6)...)
	s.Strategy = discovery.HRW
	set := adopted(nil, s)
	clients := map[netip.Addr]string{}
	counts := map[string]int{}
	for i := range 1200 {
		client := netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
		c, _ := set.Pool("shop").Take(nil, client, new(Tried))
		c.Backend.Release()
		clients[client] = c.Backend.Task().ID
		counts[c.Backend.Task().ID]++
	}
	for id, n := range counts {
		if n < 130 || n > 270 { // 200 each; more than 5 standard deviations
			t.Errorf("%s has %d of 1200 clients", id, n)
		}
	}
	s.Tasks[2] = task(3, named("t9"), at("10.0.0.9:80"))
	set = adopted(set, s)
	for client, before := range clients {
		c, _ := set.Pool("shop").Take(nil, netip.AddrFrom16(client.As16()), new(Tried))
		c.Backend.Release()
		if got := c.Backend.Task().ID; got != before && (before != "t3" || got != "t9") {
			t.Fatalf("%s went from %s to %s", client, before, got)
		}
	}
}

func TestANewBackendStartsSlowly(t *testing.T) {
	for _, strategy := range []discovery.Strategy{discovery.WRR, discovery.P2C} {
		synctest.Test(t, func(t *testing.T) {
			s := service(tasks(2)...)
			s.Strategy, s.SlowStart = strategy, 10*time.Second
			set := adopted(nil, s)
			time.Sleep(10 * time.Second)
			s.Tasks = tasks(3)
			p := adopted(set, s).Pool("shop")
			for _, c := range []struct {
				after     time.Duration
				low, high int // of 3000
			}{{0, 60, 220}, {5 * time.Second, 500, 800}, {5 * time.Second, 850, 1150}} {
				time.Sleep(c.after)
				if got := shares(p, 3000)["t3"]; got < c.low || got > c.high {
					t.Errorf("%s: %v later it gets %d of 3000, want %d to %d", strategy, c.after, got, c.low, c.high)
				}
			}
		})
	}
}

func TestSlowStartDoesNotTouchSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stickyService(tasks(2)...)
		s.SlowStart = time.Minute
		set := adopted(nil, s)
		time.Sleep(time.Minute)
		s.Tasks = []discovery.Task{task(1, as(discovery.Leaving)), task(2), task(1, named("t9"), at("10.0.0.9:80"))}
		p := adopted(set, s).Pool("shop")
		for range 20 {
			if id, _ := take(p, pinTo(1)); id != "t9" {
				t.Fatalf("the session went to %s", id)
			}
		}
	})
}
