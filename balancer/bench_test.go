package balancer

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func BenchmarkTake(b *testing.B) {
	for _, n := range []int{6, 1000} {
		for _, kind := range []string{"wrr", "p2c", "leasttime", "hrw", "pinned", "newsession", "moved"} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) { benchmarkTake(b, n, kind) })
		}
	}
}

func benchmarkTake(b *testing.B, n int, kind string) {
	s := service(tasks(n)...)
	var pin *discovery.Pin
	switch kind {
	case "pinned":
		s.Sticky, pin = &discovery.Cookie{}, pinTo(n/2)
	case "moved":
		s.Sticky, pin = &discovery.Cookie{}, pinTo(n+1)
	case "newsession":
		s.Sticky = &discovery.Cookie{}
	default:
		s.Strategy = discovery.Strategy(kind)
	}
	p := adopted(nil, s).Pool("shop")
	client := netip.MustParseAddr("192.0.2.7")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var tried Tried
			c, ok := p.Take(pin, client, &tried)
			if !ok {
				b.Error("nothing to take")
				return
			}
			c.Backend.Release()
		}
	})
}
