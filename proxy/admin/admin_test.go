package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
)

func quiet() Gauges {
	return Gauges{
		Status:   func() discovery.Status { return discovery.Status{} },
		Problems: func() []discovery.Problem { return nil },
		Troubles: func() []string { return nil },
		Pools:    func() []balancer.PoolStatus { return nil },
	}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	resp, err := http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// ours are Fairlead's own series in /metrics, sorted.
func ours(t *testing.T, m *Metrics) []string {
	t.Helper()
	status, body := get(t, Handler(m, func() (string, error) { return "ready", nil }, nil), "/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics: %d: %s", status, body)
	}
	series := regexp.MustCompile(`(?m)^fairlead_.*$`).FindAllString(body, -1)
	slices.Sort(series)
	return series
}

func TestPingAnswersAndReadyTellsWhyNot(t *testing.T) {
	var reason error
	h := Handler(NewMetrics("1.0", quiet()), func() (string, error) { return "ready", reason }, func(context.Context) error { return reason })
	for _, c := range []struct {
		reason error
		path   string
		status int
		body   string
	}{
		{nil, "/ping", 200, "OK"},
		{errors.New("leaving"), "/ping", 200, "OK"},
		{nil, "/ready", 200, "ready\n"},
		{errors.New("no table yet"), "/ready", 503, "no table yet\n"},
		{errors.New("engine: \x1b[2Jgone\nok"), "/ready", 503, "engine: \uFFFD[2Jgone\uFFFDok\n"},
		{nil, "/healthy", 200, "healthy\n"},
		{errors.New("entry point web: refused"), "/healthy", 503, "entry point web: refused\n"},
		{nil, "/else", 404, "404 page not found\n"},
	} {
		reason = c.reason
		if status, body := get(t, h, c.path); status != c.status || body != c.body {
			t.Errorf("%s with %v: %d %q, want %d %q", c.path, c.reason, status, body, c.status, c.body)
		}
	}
}

func TestProblemsAreOneLineEachAndNothingInThemReachesATerminalRaw(t *testing.T) {
	g := quiet()
	g.Problems = func() []discovery.Problem {
		return []discovery.Problem{
			{Subject: "shop_web", Label: "traefik.enable", Wrong: `"ja" is not a boolean`, Cure: "write true or false"},
			{Subject: "x\ny", Wrong: "\x1b]0;owned\a"},
		}
	}
	_, body := get(t, Handler(NewMetrics("1.0", g), nil, nil), "/problems")
	want := "shop_web: traefik.enable: \"ja\" is not a boolean; write true or false\nx\uFFFDy: \uFFFD]0;owned\uFFFD\n"
	if body != want {
		t.Errorf("got %q, want %q", body, want)
	}
}

func TestProfilesAreServedWithoutTheCommandLine(t *testing.T) {
	h := Handler(NewMetrics("1.0", quiet()), nil, nil)
	if status, body := get(t, h, "/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile:") {
		t.Errorf("goroutine: %d %.80q", status, body)
	}
	if status, body := get(t, h, "/debug/pprof/cmdline"); status != 404 || strings.Contains(body, os.Args[0]) {
		t.Errorf("cmdline: %d %q", status, body)
	}
}

func TestMetricsTellWhatHappened(t *testing.T) {
	g := quiet()
	g.Status = func() discovery.Status { return discovery.Status{Seen: time.Now().Add(-time.Hour)} }
	g.Problems = func() []discovery.Problem { return make([]discovery.Problem, 3) }
	g.Pools = func() []balancer.PoolStatus {
		return []balancer.PoolStatus{{Service: "web", Ready: 2, Backends: []balancer.BackendStatus{{State: "ready"}, {State: "draining"}, {State: "ready"}}}}
	}
	m := NewMetrics("1.2.3", g)
	web := m.Service("web")
	web.Answered(200, time.Millisecond)
	web.Answered(200, 3*time.Second)
	web.Answered(299, time.Minute)
	web.Answered(777, 0)
	web.Retried()
	web.Moved("seat")
	web.Moved("a reason of tomorrow")
	web.Told("lost")
	web.Held(2)
	web.Held(-1)
	m.EntryPoint("web").InFlight(1)
	got := strings.Join(ours(t, m), "\n")
	for _, want := range []string{
		`fairlead_requests_total{code="200",service="web"} 2`,
		`fairlead_requests_total{code="2xx",service="web"} 1`,
		`fairlead_requests_total{code="other",service="web"} 1`,
		`fairlead_request_duration_seconds_bucket{service="web",le="0.001"} 2`,
		`fairlead_request_duration_seconds_bucket{service="web",le="2.5"} 2`,
		`fairlead_request_duration_seconds_bucket{service="web",le="5"} 3`,
		`fairlead_request_duration_seconds_bucket{service="web",le="30"} 3`,
		`fairlead_request_duration_seconds_bucket{service="web",le="+Inf"} 4`,
		`fairlead_request_duration_seconds_count{service="web"} 4`,
		`fairlead_request_duration_seconds_sum{service="web"} 63.001`,
		`fairlead_retries_total{service="web"} 1`,
		`fairlead_moves_total{reason="seat",service="web"} 1`,
		`fairlead_websockets_told_total{reason="lost",service="web"} 1`,
		`fairlead_websockets_told_total{reason="drain",service="web"} 0`,
		`fairlead_moves_total{reason="other",service="web"} 1`,
		`fairlead_moves_total{reason="rendezvous",service="web"} 0`,
		`fairlead_requests_held{service="web"} 1`,
		`fairlead_requests_in_flight{entrypoint="web"} 1`,
		`fairlead_ready_backends{service="web"} 2`,
		`fairlead_backends{service="web",state="ready"} 2`,
		`fairlead_backends{service="web",state="draining"} 1`,
		`fairlead_snapshot_age_seconds 3600.`,
		`fairlead_problems 3`,
		`version="1.2.3"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestBeforeTheClusterAnsweredTheSnapshotIsInfinitelyOld(t *testing.T) {
	if got := ours(t, NewMetrics("1", quiet())); !slices.Contains(got, "fairlead_snapshot_age_seconds +Inf") {
		t.Errorf("got %q", got)
	}
}

func TestAServiceThatVanishedHasNoSeries(t *testing.T) {
	m := NewMetrics("1", quiet())
	old := m.Service("old")
	old.Answered(200, 0)
	m.Service("").Answered(404, 0)
	fresh := m.Service("new")
	fresh.Answered(200, 0)
	m.Keep([]string{"new"})
	old.Answered(200, 0) // a request that was still under way
	got := strings.Join(ours(t, m), "\n")
	if strings.Contains(got, `"old"`) || !strings.Contains(got, `service="new"`) || !strings.Contains(got, `fairlead_requests_total{code="404",service=""} 1`) {
		t.Errorf("got\n%s", got)
	}
	if m.Service("new") != fresh {
		t.Error("a service has two sets of counters")
	}
}

func TestNamesThatAreNoTextDoNotBreakMetrics(t *testing.T) {
	m := NewMetrics("1", quiet())
	m.Service("a\xff\n\"").Answered(200, 0)
	if got := strings.Join(ours(t, m), "\n"); !strings.Contains(got, `service="a�\n\""} 1`) {
		t.Errorf("got\n%s", got)
	}
}

func TestEachCodeIsCountedUnderItsOwnNameOrItsClass(t *testing.T) {
	if !slices.IsSorted(codes[:]) {
		t.Fatal("codes are not sorted: the search would miss some")
	}
	for code, want := range map[int]string{101: "101", 200: "200", 511: "511", 499: "499", 100: "1xx", 418: "4xx", 599: "5xx", 600: "other", 99: "other", 0: "other", -1: "other"} {
		if got := codeName(codeIndex(code)); got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
}

func TestCountersMayBeReadAndForgottenWhileRequestsCount(t *testing.T) {
	m := NewMetrics("1", quiet())
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for range 200 {
				m.Service("web").Answered(200, time.Second)
				m.EntryPoint("web").InFlight(1)
			}
		})
	}
	for range 5 {
		ours(t, m)
		m.Keep(nil)
	}
	g.Wait()
	if got := ours(t, m); !slices.Contains(got, `fairlead_requests_in_flight{entrypoint="web"} 800`) {
		t.Errorf("got %q", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	s := NewMetrics("1", quiet()).Service("web")
	if n := testing.AllocsPerRun(100, func() { s.Answered(503, time.Second); s.Moved("seat"); s.Retried(); s.Held(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAnswered(b *testing.B) {
	s := NewMetrics("1", quiet()).Service("web")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Answered(200, 12*time.Millisecond)
		}
	})
}
