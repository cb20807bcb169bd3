package rule

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// get is a request as the server would hand it on; target may be absolute.
func get(t testing.TB, target string) *http.Request {
	t.Helper()
	return httptest.NewRequest(http.MethodGet, target, http.NoBody)
}

func mustParse(t testing.TB, text string) *Rule {
	t.Helper()
	r, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return r
}

func matches(r *Rule, h *http.Request) bool {
	q := NewRequest(h)
	return r.Match(&q)
}

// What Traefik v3 answers, by its documentation and its tests of pkg/muxer/http.
func TestARuleMatchesWhatTraefikMatches(t *testing.T) {
	for _, tc := range []struct{ rule, yes, no string }{
		{"Host(`example.com`)", "http://example.com http://example.com:8080 http://EXAMPLE.COM/p http://example.com. http://example.com.:80/", "http://example.org http://a.example.com http://example.com.."},
		{"Host(`example.com.`)", "http://example.com http://example.com.", "http://example.org."},
		{"Host(`EXAMPLE.com`)", "http://example.com", "http://example.org"},
		{"Host(`10::10`)", "http://[10::10] http://[10::10]:81", "http://[10::11]"},
		{"Host(`127.0.0.1`)", "http://127.0.0.1:8000", "http://127.0.0.2"},
		{"Host(`*.example.com`)", "http://a.example.com http://A.Example.com.:9", "http://example.com http://a.b.example.com http://aexample.com http://a.otherexample.com"},
		{"Host(`*`)", "http://a.b http://localhost", ""},
		{"Host(`*foo.com`)", "", "http://a.com http://afoo.com http://foo.com"},
		{"HostRegexp(`^[a-z]+\\.com$`)", "http://example.com:80 http://EXAMPLE.com", "http://example.org http://example.com."},
		{"HostRegexp(`^[A-Z]+\\.com$`)", "", "http://EXAMPLE.com"},
		{"HostRegexp(`{domain:[a-z]+\\.com}`)", "", "http://example.com"},
		{"Path(`/css`)", "http://a/css http://a/css?x=1", "http://a/css/ http://a/CSS http://a/cssx http://a"},
		{"Path(`/a b`)", "http://a/a%20b", "http://a/a+b"},
		{"Path(`/a/b`)", "http://a/a/b", "http://a/a%2Fb http://a/a%2fb"},
		{"Path(`/a%2Fb`)", "http://a/a%2Fb http://a/a%2fb", "http://a/a/b http://a/a%252Fb"},
		{"Path(`/é`)", "http://a/%C3%A9 http://a/%c3%a9", "http://a/e"},
		{"PathPrefix(`/products`)", "http://a/products http://a/products/1 http://a/products-for-sale", "http://a/product http://a/x/products"},
		{"PathPrefix(`/{id:[0-9]+}`)", "http://a/%7Bid:[0-9]+%7D/x", "http://a/12"},
		{"PathRegexp(`^/(css|js)`)", "http://a/css http://a/js/main.js", "http://a/CSS http://a"},
		{"PathRegexp(`\\.png$`)", "http://a/b/c.png", "http://a/c.png/"},
		{"Query(`q`, `traefik`)", "http://a?q=traefik http://a?x=1&q=b&q=traefik http://a?x=1;q=traefik http://a?q=tr%61efik", "http://a?q=TRAEFIK http://a?Q=traefik http://a http://a?q"},
		{"Query(`mobile`)", "http://a?mobile http://a?mobile= http://a?mobile=1&mobile", "http://a http://a?mobile=true"},
		{"QueryRegexp(`mobile`)", "http://a?mobile", "http://a?mobile=true"},
		{"QueryRegexp(`q`, `^(a|b)$`)", "http://a?q=a http://a?q=x&q=b", "http://a?q=ab http://a?Q=a http://a"},
		{"QueryRegexp(`q`, `^.*$`)", "http://a?q http://a?q=1", "http://a?r"},
		{"!Host(`a`)", "http://b", "http://a"},
		{"!!Host(`a`)", "http://a", "http://b"},
		{"!Host(`a`) && PathPrefix(`/c`)", "http://b/c", "http://a/c http://b/d"},
		{"!(Host(`a`) && !Path(`/c`))", "http://a/c http://b/c http://b/d", "http://a/d"},
		{"Host(`a`) || Host(`b`) && Path(`/c`)", "http://a/d http://b/c", "http://b/d"},
		{"(Host(`a`) || Host(`b`)) && Path(`/c`)", "http://a/c http://b/c", "http://a/d"},
		{"Host(`a`)\n  && Path(`/c`,)", "http://a/c", "http://a/d"},
		{`PATHPREFIX("/css") && pathprefix("/c") && Pathprefix("/")`, "http://a/css", "http://a/cs"},
		{`PathRegexp("^/\\d+\x24")`, "http://a/12", "http://a/a"},
	} {
		r := mustParse(t, tc.rule)
		for _, target := range strings.Fields(tc.yes) {
			if !matches(r, get(t, target)) {
				t.Errorf("%s does not match %s", tc.rule, target)
			}
		}
		for _, target := range strings.Fields(tc.no) {
			if matches(r, get(t, target)) {
				t.Errorf("%s matches %s", tc.rule, target)
			}
		}
	}
}

func TestAMethodIsWrittenInAnyCaseAndSentInUpperCase(t *testing.T) {
	r := mustParse(t, "Method(`get`)")
	for method, want := range map[string]bool{"GET": true, "get": false, "POST": false} {
		h := get(t, "/")
		h.Method = method
		if matches(r, h) != want {
			t.Errorf("%s: match is %v", method, !want)
		}
	}
}

func TestAHeaderMatchesAnyOfItsValuesExactly(t *testing.T) {
	for _, tc := range []struct {
		rule   string
		header http.Header
		want   bool
	}{
		{"Header(`x-proto`, `https`)", http.Header{"X-Proto": {"http", "https"}}, true},
		{"Header(`X-Proto`, `https`)", http.Header{"X-Proto": {"HTTPS"}}, false},
		{"Header(`X-Proto`, `https`)", http.Header{"X-Host": {"https"}}, false},
		{"HeaderRegexp(`x-proto`, `^https?$`)", http.Header{"X-Proto": {"ws", "http"}}, true},
		{"HeaderRegexp(`X-Proto`, `^https?$`)", http.Header{"X-Proto": {"HTTP"}}, false},
		{"HeaderRegexp(`X-Proto`, `^$`)", http.Header{}, false},
	} {
		h := get(t, "/")
		h.Header = tc.header
		if got := matches(mustParse(t, tc.rule), h); got != tc.want {
			t.Errorf("%s with %v: %v", tc.rule, tc.header, got)
		}
	}
}

func TestAClientIsKnownByItsRemoteAddressAlone(t *testing.T) {
	for _, tc := range []struct {
		rule, remote string
		want         bool
	}{
		{"ClientIP(`127.0.0.1`)", "127.0.0.1:4000", true},
		{"ClientIP(`127.0.0.1`)", "127.0.0.1", true},
		{"ClientIP(`127.0.0.1`)", "[::ffff:127.0.0.1]:4000", true},
		{"ClientIP(`127.0.0.1`)", "192.168.1.1:4000", false},
		{"ClientIP(`127.0.0.1`)", "", false},
		{"ClientIP(`127.0.0.1`)", "@", false},
		{"ClientIP(`192.168.1.0/24`)", "192.168.1.77:1", true},
		{"ClientIP(`192.168.1.9/24`)", "192.168.1.77:1", true},
		{"ClientIP(`192.168.1.0/24`)", "192.168.2.1:1", false},
		{"ClientIP(`::ffff:10.0.0.0/104`)", "10.1.2.3:1", true},
		{"ClientIP(`::1`)", "[::1]:1", true},
		{"ClientIP(`fe80::/10`)", "[fe80::1%eth0]:1", true},
		{"ClientIP(`0.0.0.0/0`)", "[::1]:1", false},
		{"!ClientIP(`127.0.0.1`)", "", true},
	} {
		h := get(t, "/")
		h.RemoteAddr = tc.remote
		h.Header.Set("X-Forwarded-For", "127.0.0.1")
		if got := matches(mustParse(t, tc.rule), h); got != tc.want {
			t.Errorf("%s for %s: %v", tc.rule, tc.remote, got)
		}
	}
}

func TestARequestWithoutAHostIsTakenByTheBareStarAlone(t *testing.T) {
	h := get(t, "/")
	h.Host = ""
	for text, want := range map[string]bool{"Host(`*`)": true, "Host(`.`)": false, "Host(`*.`)": false, "HostRegexp(`^$`)": true} {
		if matches(mustParse(t, text), h) != want {
			t.Errorf("%s: match is %v", text, !want)
		}
	}
}

func TestARuleIsRenderedInAUniformSpelling(t *testing.T) {
	for text, want := range map[string]string{
		`host("a")`: "Host(`a`)",
		" ( Host(`a`)&&(Path(`/b`)&&!(!Method(`get`))) ) ": "Host(`a`) && Path(`/b`) && !!Method(`get`)",
		"(Host(`a`)||Host(`b`))&&Path(`/c`)":               "(Host(`a`) || Host(`b`)) && Path(`/c`)",
		"!(Host(`a`)&&Path(`/c`))||Host(`d`)":              "!(Host(`a`) && Path(`/c`)) || Host(`d`)",
		"(Host(`a`)&&Path(`/c`))||Host(`d`)":               "Host(`a`) && Path(`/c`) || Host(`d`)",
		`Header("x","a` + "`" + `\n")`:                     `Header(` + "`x`" + `, "a` + "`" + `\n")`,
		"Query(`a`)":                                       "Query(`a`)",
		"QueryRegexp(`a`)":                                 "QueryRegexp(`a`)",
	} {
		r := mustParse(t, text)
		if got := r.String(); got != want {
			t.Errorf("%s renders as %s, not %s", text, got, want)
		}
		if r.Text() != text {
			t.Errorf("Text is %q, not %q", r.Text(), text)
		}
	}
}

// Regular expressions are left out: they keep their memory in a sync.Pool, which drops
// some of it at random under the race detector.
func TestMatchingAllocatesNothing(t *testing.T) {
	r := mustParse(t, "(Host(`*.example.com`) || Host(`a`)) && PathPrefix(`/api`) && !Path(`/api`) && Method(`GET`)"+
		" && Header(`X-A`, `b`) && ClientIP(`192.0.2.0/24`) && !Query(`q`)")
	h := get(t, "http://www.example.com:8080/api/v1/users!")
	h.Header.Set("X-A", "b")
	if !matches(r, h) {
		t.Fatal("the rule does not match")
	}
	if n := testing.AllocsPerRun(100, func() { matches(r, h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
