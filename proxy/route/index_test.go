package route

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/proxy/rule"
)

func parse(t testing.TB, text string) *rule.Rule {
	t.Helper()
	r, err := rule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func request(host, path, query string) *rule.Request {
	q := rule.NewRequest(&http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Path: path, RawQuery: query}, RemoteAddr: "10.0.0.1:9"})
	return &q
}

// scan is what an index must answer: the first of all entries in order, "" for none.
func scan(entries []entry[string], q *rule.Request) string {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry[string]) int { return a.order(&b) })
	for _, e := range entries {
		if e.rule.Match(q) {
			return e.payload
		}
	}
	return ""
}

func TestTheHighestPriorityWinsAndTheNameDecidesBetweenEquals(t *testing.T) {
	type r struct {
		name, rule string
		priority   int
	}
	for _, tc := range []struct {
		routers []r
		want    string
	}{
		{[]r{{"a", "PathPrefix(`/my`)", 10}, {"b", "PathPrefix(`/my`)", 20}}, "b"},
		{[]r{{"a", "PathPrefix(`/mypath`)", 10}, {"b", "PathPrefix(`/my`)", 20}}, "b"},
		{[]r{{"a", "PathPrefix(`/my`)", 0}, {"b", "PathPrefix(`/mypath`)", 0}, {"c", "PathPrefix(`/mypa`)", 0}}, "b"},
		{[]r{{"b", "PathPrefix(`/my`)", 0}, {"a", "PathPrefix(`/my`)", 0}}, "a"},
		{[]r{{"b", "PathPrefix(`/my`)", 17}, {"a", "PathPrefix(`/my`)", 0}}, "a"},
		{[]r{{"b", "PathPrefix(`/my`)", 18}, {"a", "PathPrefix(`/my`)", 0}}, "b"},
		{[]r{{"a", "Host(`x.com`) && PathPrefix(`/mypath`)", -1}, {"b", "Method(`GET`)", 1}}, "b"},
		{[]r{{"a", "Host(`x.com`)", 0}, {"b", "Host(`*.com`)", 14}, {"c", "HostRegexp(`^x`)", 13}}, "b"},
		{[]r{{"a", "Host(`x.com`)", 0}, {"b", "Host(`*.com`)", 0}, {"c", "HostRegexp(`^x`)", 0}}, "c"},
		{[]r{{"a", "Host(`y.com`)", 0}, {"b", "Path(`/other`)", 0}}, ""},
		{nil, ""},
	} {
		var entries []entry[string]
		for _, r := range tc.routers {
			entries = append(entries, entry[string]{r.name, parse(t, r.rule), r.priority, r.name})
		}
		if got, ok := newIndex(entries).match(request("x.com", "/mypath", "")); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%v: got %q, want %q", tc.routers, got, tc.want)
		}
	}
}

func TestALongerPrefixIsFoundAmongItsNeighbours(t *testing.T) {
	ranks := ranksByPrefix{}
	for i, text := range []string{"", "/", "/a", "/a/b", "/a/b/c", "/a0", "/ab", "/b", "/c/d"} {
		ranks[text] = []int32{int32(i)}
	}
	p := indexPaths(ranks)
	for path, want := range map[string][]string{
		"":         {""},
		"*":        {""},
		"/":        {"/", ""},
		"/a/b/z":   {"/a/b", "/a", "/", ""},
		"/a/b/c/d": {"/a/b/c", "/a/b", "/a", "/", ""},
		"/ac":      {"/a", "/", ""},
		"/c":       {"/", ""},
		"/zz":      {"/", ""},
	} {
		var got []string
		for i := p.longest(path); i >= 0; i = p[i].shorter {
			got = append(got, p[i].text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

var (
	hosts = []string{"a.com", "b.com", "x.a.com", "y.a.com", "x.y.a.com", "com", "", "A.com.", "10.0.0.1"}
	paths = []string{"", "/", "/a", "/a/b", "/a/bc", "/a/b/c", "/ab", "/b", "/b/", "*", "/%2F"}
	words = []string{"", "q", "q=1", "q=1&r"}
)

// randomRule is a rule of few words, so that rules and requests often meet.
func randomRule(r *rand.Rand, depth int) string {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return randomRule(r, depth-1) + " && " + randomRule(r, depth-1)
		case 1:
			return "(" + randomRule(r, depth-1) + " || " + randomRule(r, depth-1) + ")"
		case 2:
			return pick("!", "!", "!!") + "(" + randomRule(r, depth-1) + ")"
		}
	}
	path := "`/" + pick("", "a", "a/b", "a/bc", "a/b/c", "b", "c/d") + "`)"
	return pick("Host(`"+pick("a.com", "b.com", "x.a.com", "y.a.com", "*.a.com", "*.com", "*.b.com", "a.com.", "*", "10.0.0.1")+"`)",
		"PathPrefix("+path, "Path("+path, "Query(`q`)", "Method(`GET`)", "HostRegexp(`a`)", "Query(`q`, `1`)")
}

func TestAnIndexAnswersAsAWalkThroughAllEntriesWould(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 150 {
		var entries []entry[string]
		for i := range r.IntN(40) {
			name := fmt.Sprint(i)
			entries = append(entries, entry[string]{name, parse(t, randomRule(r, r.IntN(4))), r.IntN(3) * r.IntN(40), name})
		}
		ix := newIndex(entries)
		for _, host := range hosts {
			for _, path := range paths {
				q := request(host, path, words[r.IntN(len(words))])
				got, ok := ix.match(q)
				if want := scan(entries, q); got != want || ok != (want != "") {
					t.Fatalf("%s%s: got %q, want %q among %v", host, path, got, want, describe(entries))
				}
				if ok {
					found++
				}
			}
		}
	}
	if found < 1000 {
		t.Errorf("only %d requests met a rule", found)
	}
}

func describe(entries []entry[string]) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "\n%s %d %s", e.name, e.priority, e.rule)
	}
	return b.String()
}

func FuzzIndex(f *testing.F) {
	f.Add("Host(`a.com`)\nHost(`*.com`) && PathPrefix(`/a`)\n!Host(`a.com`)\nPath(`/a`) || Query(`q`)", "a.com", "/a", "q=1")
	f.Add("Host(`*.`)\nHost(`a..`)\nHost(`.`)\nPathPrefix(`/`) && HostRegexp(`^$`)", ".", "", "")
	f.Add("Path(`/%2f`)\n!(Host(`a`) || !Path(`/`)) && Host(`*`)", "[::1]:80", "/%2f", "")
	f.Fuzz(func(t *testing.T, rules, host, path, query string) {
		var entries []entry[string]
		for i, text := range strings.Split(rules, "\n") {
			if r, err := rule.Parse(text); err == nil {
				name := fmt.Sprint(i)
				entries = append(entries, entry[string]{name, r, i % 3, name})
			}
		}
		q := request(host, path, query)
		if got, _ := newIndex(entries).match(q); got != scan(entries, q) {
			t.Fatalf("%s%s?%s: got %q, want %q among %v", host, path, query, got, scan(entries, q), describe(entries))
		}
	})
}
