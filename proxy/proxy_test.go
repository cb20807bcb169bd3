package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestARequestReachesABackendAndItsAnswerTheClient(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Header().Set("X-Seen", r.Host+" "+r.RequestURI+" "+r.Header.Get("X-Forwarded-For"))
		rw.WriteHeader(http.StatusTeapot)
		rw.Write(body)
	}))
	resp, text := new(browser).ask(t, "POST", w.url()+"/a%2Fb?q=1&&r", "payload")
	if want := w.Addr("web").String() + " /a%2Fb?q=1&&r 127.0.0.1"; resp.StatusCode != http.StatusTeapot || text != "payload" || resp.Header.Get("X-Seen") != want {
		t.Errorf("%d %q, seen %q, want %q", resp.StatusCode, text, resp.Header.Get("X-Seen"), want)
	}
}

func TestRefusalsCarryARequestIDThatTheLogHasToo(t *testing.T) {
	w := begin(t)
	for name, c := range map[string]struct {
		router discovery.Router
		tasks  []discovery.Task
		status int
		logged string
	}{
		"no backend":  {discovery.Router{Name: "r", Rule: "PathPrefix(`/`)", Service: "app"}, nil, 503, "no backend is ready"},
		"all dead":    {discovery.Router{Name: "r", Rule: "PathPrefix(`/`)", Service: "app"}, []discovery.Task{raw(t, 1, func(net.Conn) {})}, 502, "app.1"},
		"middlewares": {discovery.Router{Name: "r", Rule: "PathPrefix(`/`)", Service: "app", Middlewares: []string{"auth"}}, nil, 503, "wants middlewares"},
	} {
		w.apply(discovery.Snapshot{Routers: []discovery.Router{c.router}, Services: []discovery.Service{{Name: "app", Tasks: c.tasks}}})
		resp, text := new(browser).ask(t, "POST", w.url(), "x")
		id := regexp.MustCompile(`request ([0-9a-f]{16})`).FindStringSubmatch(text)
		if resp.StatusCode != c.status || id == nil {
			t.Errorf("%s: %d %q", name, resp.StatusCode, text)
			continue
		}
		if after := resp.Header.Get("Retry-After"); (after != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After %q", name, after)
		}
		// The log is written after the answer: the rest of the body is read between them.
		line, pattern := "", regexp.MustCompile(`.*"request":"`+id[1]+`".*`)
		for until := time.Now().Add(5 * time.Second); line == "" && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
			line = pattern.FindString(w.log.String())
		}
		if !strings.Contains(line, c.logged) {
			t.Errorf("%s: logged %q", name, line)
		}
	}
	w.apply(discovery.Snapshot{})
	if resp, text := new(browser).get(t, w.url()); resp.StatusCode != 404 || !strings.Contains(text, "request ") {
		t.Errorf("no router: %d %q", resp.StatusCode, text)
	}
}

// It was sent to nobody, so the client may try again, whatever the method.
func TestARequestThatNoPortTookIs503WithTheReasonInTheLog(t *testing.T) {
	w := begin(t, "--hold.timeout=50ms")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	dead := replica(t, 1, nil)
	dead.Address.HostPort = ln.Addr().String()
	w.see(discovery.Service{}, dead)
	resp, _ := new(browser).ask(t, "POST", w.url(), "x")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	for until := time.Now().Add(5 * time.Second); !strings.Contains(w.log.String(), "connection refused"); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("the log does not say why: %s", w.log)
		}
	}
}

func TestASessionStaysAndMovesOnceWhenItsTaskGoes(t *testing.T) {
	w := begin(t)
	tasks := []discovery.Task{replica(t, 1, nil), replica(t, 2, nil), replica(t, 3, nil)}
	w.see(stickily, tasks...)
	var b browser
	resp, home := b.get(t, w.url())
	if len(resp.Cookies()) != 1 {
		t.Fatalf("cookies: %v", resp.Cookies())
	}
	for range 1000 {
		if resp, text := b.get(t, w.url()); text != home || len(resp.Cookies()) != 0 {
			t.Fatalf("moved to %s from %s, cookies %v", text, home, resp.Cookies())
		}
	}
	n := slices.IndexFunc(tasks, func(t discovery.Task) bool { return string(t.Seat) == home })
	tasks[n].State = discovery.Leaving
	w.see(stickily, tasks...)
	resp, next := b.get(t, w.url())
	if next == home || len(resp.Cookies()) != 1 {
		t.Fatalf("on %s after %s left, cookies %v", next, home, resp.Cookies())
	}
	for range 20 {
		if resp, text := b.get(t, w.url()); text != next || len(resp.Cookies()) != 0 {
			t.Fatalf("moved again, to %s, cookies %v", text, resp.Cookies())
		}
	}
}

func TestAForgedCookieIsPinnedAnew(t *testing.T) {
	w := begin(t)
	w.see(stickily, replica(t, 1, nil))
	b := browser{cookies: map[string]string{"pin": "forged"}}
	if resp, text := b.get(t, w.url()); text != "1" || len(resp.Cookies()) != 1 {
		t.Errorf("%q, cookies %v", text, resp.Cookies())
	}
}

func TestARefusedDialGoesElsewhereWithAnyMethod(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, dead(t, 1), dead(t, 2), replica(t, 3, nil))
	for _, method := range []string{"GET", "POST", "PUT", "PATCH"} {
		for range 4 {
			if resp, text := new(browser).ask(t, method, w.url(), "body"); resp.StatusCode != 200 || text != "3body" {
				t.Errorf("%s: %d %q", method, resp.StatusCode, text)
			}
		}
	}
}

func TestOnlyIdempotentRequestsAreSentTwice(t *testing.T) {
	w := begin(t)
	cut := func(c net.Conn) { // reads the whole request and dies
		buf := make([]byte, 4096)
		var got []byte
		for !strings.HasSuffix(string(got), "body") && !strings.HasPrefix(string(got), "GET") {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			got = append(got, buf[:n]...)
		}
	}
	for method, want := range map[string]int{"GET": 200, "PUT": 200, "DELETE": 200, "POST": 502, "PATCH": 502} {
		// A higher weight makes the broken one the first that is asked.
		broken, good := raw(t, 1, cut), replica(t, 2, nil)
		broken.ID, broken.Weight = "broken"+method, 1000
		w.see(discovery.Service{}, broken, good)
		body := "body"
		if method == "GET" {
			body = ""
		}
		if resp, text := new(browser).ask(t, method, w.url(), body); resp.StatusCode != want || want == 200 && text != "2"+body {
			t.Errorf("%s: %d %q, want %d", method, resp.StatusCode, text, want)
		}
	}
}

func TestATruncatedAnswerIsNeverTakenForAWholeOne(t *testing.T) {
	w := begin(t)
	for name, answer := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		backend := raw(t, 1, func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, answer) })
		backend.ID = name
		w.see(discovery.Service{}, backend)
		resp, err := http.Get(w.url())
		if err != nil {
			continue // cut off before the head: no less clear
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.Errorf("%s: read %q without an error", name, text)
		}
	}
}

func TestALeavingTaskGetsNoNewRequestAndFinishesWhatItHas(t *testing.T) {
	w := begin(t)
	arrived, finish := make(chan struct{}), make(chan struct{})
	old := replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-finish
		io.WriteString(rw, "finished")
	})
	w.see(discovery.Service{}, old)
	answered := make(chan string)
	go func() { _, text := new(browser).get(t, w.url()); answered <- text }()
	<-arrived
	leaving := old
	leaving.State = discovery.Leaving
	w.see(discovery.Service{}, leaving, replica(t, 2, nil))
	for range 50 {
		if _, text := new(browser).get(t, w.url()); text != "2" {
			t.Fatalf("got %q", text)
		}
	}
	w.see(discovery.Service{}, replica(t, 2, nil)) // and now it is gone from the list
	close(finish)
	if text := <-answered; text != "finished" {
		t.Errorf("what was under way got %q", text)
	}
}

func TestARequestWaitsForATaskThatIsOnItsWay(t *testing.T) {
	w := begin(t)
	coming := replica(t, 1, nil)
	coming.State = discovery.Starting
	w.see(discovery.Service{}, coming)
	answered := make(chan string)
	go func() { _, text := new(browser).ask(t, "POST", w.url(), "held"); answered <- text }()
	for !strings.Contains(adminGet(t, w, "/metrics"), `fairlead_requests_held{service="app"} 1`) {
		time.Sleep(time.Millisecond)
	}
	coming.State = discovery.Running
	w.see(discovery.Service{}, coming)
	if text := <-answered; text != "1held" {
		t.Errorf("got %q", text)
	}
}

func TestOnlySoManyRequestsWaitAndOnlySoLong(t *testing.T) {
	w := begin(t, "--hold.requests=1", "--hold.timeout=300ms")
	coming := task(1, "127.0.0.1:1")
	coming.State = discovery.Starting
	w.see(discovery.Service{}, coming)
	first := make(chan int)
	go func() { resp, _ := new(browser).get(t, w.url()); first <- resp.StatusCode }()
	for !strings.Contains(adminGet(t, w, "/metrics"), `fairlead_requests_held{service="app"} 1`) {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	if resp, _ := new(browser).get(t, w.url()); resp.StatusCode != 503 || time.Since(began) > 250*time.Millisecond {
		t.Errorf("the second got %d after %v", resp.StatusCode, time.Since(began))
	}
	if status := <-first; status != 503 {
		t.Errorf("the first got %d", status)
	}
}

func TestAServiceWithoutTasksIsRefusedAtOnce(t *testing.T) {
	w := begin(t, "--hold.timeout=1h")
	w.see(discovery.Service{})
	if resp, _ := new(browser).get(t, w.url()); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}

func TestBeforeTheClusterIsSeenRequestsWaitAndNothingIsReady(t *testing.T) {
	w := begin(t)
	if got := adminGet(t, w, "/ready") + adminGet(t, w, "/healthy"); strings.Count(got, "not been seen yet") != 2 {
		t.Errorf("got %q", got)
	}
	answered := make(chan string)
	go func() { _, text := new(browser).get(t, w.url()); answered <- text }()
	w.see(discovery.Service{}, replica(t, 1, nil))
	if text := <-answered; text != "1" {
		t.Errorf("got %q", text)
	}
	if got := adminGet(t, w, "/ready") + adminGet(t, w, "/healthy"); got != "ready\nhealthy\n" {
		t.Errorf("got %q", got)
	}
}

func TestReadinessTellsWhatIsStaleAndSinceWhen(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, replica(t, 1, nil))
	seen := time.Now().Add(-5 * time.Minute)
	w.away.Store(&discovery.Status{Seen: seen, Err: errors.New("no leader"), Since: seen.Add(time.Second)})
	want := "ready, but the cluster has not answered since " + seen.Format(time.TimeOnly) + " (5m0s): no leader; routing goes on with what was known then\n"
	if got := adminGet(t, w, "/ready"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, text := new(browser).get(t, w.url()); text != "1" {
		t.Errorf("and a request got %q", text)
	}
	w.away.Store(nil)
	if got := adminGet(t, w, "/ready"); got != "ready\n" {
		t.Errorf("after it: %q", got)
	}
}

func TestProblemsAreLoggedWhenTheyComeAndWhenTheyGo(t *testing.T) {
	w := begin(t)
	bad := discovery.Snapshot{Routers: []discovery.Router{{
		Name: "r", Rule: "Hosst(`a`)", Service: "app", Origin: discovery.Origin{Subject: "shop_web", Prefix: "traefik.http.routers.r"},
	}}, Services: []discovery.Service{{Name: "app"}}}
	w.apply(bad)
	w.apply(bad)
	if got := adminGet(t, w, "/problems"); !strings.Contains(got, "shop_web: traefik.http.routers.r.rule:") || !strings.Contains(got, "write Host") {
		t.Errorf("problems: %q", got)
	}
	w.apply(discovery.Snapshot{})
	log := w.log.String()
	if n := strings.Count(log, `"message":"problem"`); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if !strings.Contains(log, `"message":"problem is gone"`) || adminGet(t, w, "/problems") != "" {
		t.Errorf("not gone: %s", log)
	}
}

func TestTheLogTellsHowManyTasksOfAServiceAreReady(t *testing.T) {
	w := begin(t)
	unproven := replica(t, 1, nil)
	unproven.Checked = false // ready only once its port accepts
	w.see(discovery.Service{}, unproven, replica(t, 2, nil))
	leaving := unproven
	leaving.State = discovery.Leaving
	for _, c := range []struct {
		tasks []discovery.Task
		want  string
	}{
		{[]discovery.Task{unproven}, `"service":"app","ready":1,"starting":0,"draining":0,"out_of_service":0`},
		{[]discovery.Task{leaving}, `"service":"app","ready":0,"starting":0,"draining":1,"out_of_service":0`},
	} {
		w.see(discovery.Service{}, c.tasks...)
		for deadline := time.Now().Add(5 * time.Second); !strings.Contains(w.log.String(), c.want); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no %s", c.want)
			}
		}
	}
	w.apply(discovery.Snapshot{})
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(w.log.String(), "service is gone"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("its end is not told")
		}
	}
}

func TestOneBadRouterCostsNoOther(t *testing.T) {
	w := begin(t)
	w.apply(discovery.Snapshot{
		Routers: []discovery.Router{
			{Name: "bad rule", Rule: "((", Service: "app"},
			{Name: "bad service", Rule: "Path(`/lost`)", Service: "ap"},
			{Name: "bad entry point", Rule: "Path(`/x`)", Service: "app", EntryPoints: []string{"websecure", "web"}},
			{Name: "tls", Rule: "PathPrefix(`/`)", Service: "app", TLS: true, Priority: 1000},
			{Name: "good", Rule: "Path(`/good`)", Service: "app"},
		},
		Services: []discovery.Service{{Name: "app", Tasks: []discovery.Task{replica(t, 1, nil)}}},
	})
	for path, want := range map[string]int{"/good": 200, "/x": 200, "/lost": 503, "/none": 404} {
		if resp, _ := new(browser).get(t, w.url()+path); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	problems := adminGet(t, w, "/problems")
	for _, want := range []string{"rule: ", `entry point "websecure" does not exist`, `did you mean "app"`, "TLS is not supported"} {
		if !strings.Contains(problems, want) {
			t.Errorf("no %q in %s", want, problems)
		}
	}
}

func adminGet(t *testing.T, w *world, path string) string {
	t.Helper()
	_, text := new(browser).get(t, fmt.Sprintf("http://%s%s", w.Addr("admin"), path))
	return text
}
