package route

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/fairlead-proxy/fairlead/proxy/rule"
)

// shapes are what clusters look like, at worst: the rule of router i, and a request for it.
var shapes = []struct {
	name    string
	rule    func(i int) string
	request func(i int) (host, path string)
}{
	{"hosts",
		func(i int) string { return fmt.Sprintf("Host(`shop%d.example.com`)", i) },
		func(i int) (string, string) { return fmt.Sprintf("shop%d.example.com", i), "/cart/items/17" }},
	{"hosts and paths", // ten paths each
		func(i int) string {
			return fmt.Sprintf("Host(`shop%d.example.com`) && PathPrefix(`/api/v%d`)", i/10, i%10)
		},
		func(i int) (string, string) {
			return fmt.Sprintf("shop%d.example.com", i/10), fmt.Sprintf("/api/v%d/items/17", i%10)
		}},
	{"paths of one host",
		func(i int) string { return fmt.Sprintf("Host(`shop.example.com`) && PathPrefix(`/team%d/app`)", i) },
		func(i int) (string, string) { return "shop.example.com", fmt.Sprintf("/team%d/app/items/17", i) }},
	{"paths of any host",
		func(i int) string { return fmt.Sprintf("PathPrefix(`/team%d/app`)", i) },
		func(i int) (string, string) { return "shop.example.com", fmt.Sprintf("/team%d/app/items/17", i) }},
	{"subdomains of hosts",
		func(i int) string { return fmt.Sprintf("Host(`*.shop%d.example.com`)", i) },
		func(i int) (string, string) { return fmt.Sprintf("www.shop%d.example.com", i), "/cart/items/17" }},
}

func BenchmarkMatch(b *testing.B) {
	for _, s := range shapes {
		for _, n := range []int{10, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", s.name, n), func(b *testing.B) {
				ix := newIndex(shaped(b, s.rule, n))
				requests := make([]*http.Request, 0, 1000)
				for k := range cap(requests) {
					host, path := s.request(k * 7919 % n)
					requests = append(requests, &http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Path: path}})
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					q := rule.NewRequest(requests[i%len(requests)])
					if _, ok := ix.match(&q); !ok {
						b.Fatal("no router")
					}
				}
			})
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	entries := shaped(b, shapes[1].rule, 10000)
	b.ReportAllocs()
	for b.Loop() {
		newIndex(entries)
	}
}

func shaped(t testing.TB, text func(i int) string, n int) []entry[int] {
	entries := make([]entry[int], n)
	for i := range entries {
		entries[i] = entry[int]{name: fmt.Sprint(i), rule: parse(t, text(i)), payload: i}
	}
	return entries
}

func TestAnIndexAllocatesNothingWhenItIsAsked(t *testing.T) {
	for _, s := range shapes {
		ix := newIndex(shaped(t, s.rule, 100))
		host, path := s.request(42)
		h := &http.Request{Method: http.MethodGet, Host: host + ":8080", URL: &url.URL{Path: path}}
		allocs := testing.AllocsPerRun(100, func() {
			q := rule.NewRequest(h)
			if got, ok := ix.match(&q); !ok || got != 42 {
				t.Errorf("%s: got %d, %v", s.name, got, ok)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", s.name, allocs)
		}
	}
}
