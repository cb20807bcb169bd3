package route

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/sticky"
)

type link struct{}

func (link) Drain()   {}
func (link) Abandon() {}

// named answers with the service's name.
func named(service string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, service) })
}

func options() Options {
	return Options{
		EntryPoints: []string{"web", "internal"}, Default: []string{"web"},
		Keys:     sticky.KeysFromCluster,
		Balancer: balancer.Options{Link: func(discovery.Task) balancer.Link { return link{} }},
		Forward:  named,
	}
}

func services(names ...string) []discovery.Service {
	var all []discovery.Service
	for _, n := range names {
		all = append(all, discovery.Service{Name: n})
	}
	return all
}

// answer is what the route of a request says: the body, or the status if it is an error.
func answer(t *testing.T, table *Table, entryPoint, url string) string {
	t.Helper()
	r := httptest.NewRequest("GET", url, nil)
	route := table.Match(entryPoint, r)
	if route == nil {
		return "none"
	}
	w := httptest.NewRecorder()
	route.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

func TestARequestMeetsTheServiceOfItsRouter(t *testing.T) {
	table, problems := Compile(discovery.Snapshot{
		Services: services("app", "api", "admin"),
		Routers: []discovery.Router{
			{Name: "app", Rule: "Host(`a.example`)", Service: "app"},
			{Name: "api", Rule: "Host(`a.example`) && PathPrefix(`/api`)", Service: "api"},
			{Name: "admin", Rule: "PathPrefix(`/`)", Service: "admin", EntryPoints: []string{"internal"}},
			{Name: "first", Rule: "Path(`/first`)", Service: "admin", Priority: 1000},
		},
	}, nil, options())
	if len(problems) != 0 {
		t.Errorf("problems: %v", problems)
	}
	for _, c := range []struct{ entryPoint, url, want string }{
		{"web", "http://a.example/x", "app"},
		{"web", "http://a.example/api/x", "api"},
		{"web", "http://a.example/first", "admin"},
		{"web", "http://b.example/", "none"},
		{"internal", "http://b.example/", "admin"},
		{"other", "http://a.example/", "none"},
	} {
		if got := answer(t, table, c.entryPoint, c.url); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.entryPoint, c.url, got, c.want)
		}
	}
}

func TestRoutingIsKeptWhileOnlyTasksChangeAndMadeAnewWhenItMust(t *testing.T) {
	snapshot := func(rule string, names ...string) discovery.Snapshot {
		return discovery.Snapshot{Services: services(names...), Routers: []discovery.Router{{Name: "r", Rule: rule, Service: "late"}}}
	}
	first, problems := Compile(snapshot("Path(`/`)", "app"), nil, options())
	if len(problems) != 1 || !strings.Contains(problems[0].Wrong, `service "late" does not exist`) || answer(t, first, "web", "/") != "503" {
		t.Fatalf("problems %v, answer %s", problems, answer(t, first, "web", "/"))
	}
	tasks := snapshot("Path(`/`)", "app")
	tasks.Services[0].Tasks = []discovery.Task{{ID: "t", State: discovery.Running}}
	second, problems := Compile(tasks, first, options())
	if second.routing != first.routing || len(problems) != 1 {
		t.Errorf("a task came: routing kept %v, problems %v", second.routing == first.routing, problems)
	}
	third, problems := Compile(snapshot("Path(`/`)", "app", "late"), second, options())
	if len(problems) != 0 || answer(t, third, "web", "/") != "late" {
		t.Errorf("a service came: problems %v, answer %s", problems, answer(t, third, "web", "/"))
	}
	fourth, _ := Compile(snapshot("Path(`/new`)", "app", "late"), third, options())
	if got := answer(t, fourth, "web", "/new"); got != "late" {
		t.Errorf("a rule changed: %s", got)
	}
}

func BenchmarkCompileAfterOneTaskCame(b *testing.B) {
	var s discovery.Snapshot
	for i := range 10_000 {
		name := fmt.Sprintf("s%05d", i)
		s.Services = append(s.Services, discovery.Service{Name: name})
		s.Routers = append(s.Routers, discovery.Router{Name: name, Rule: fmt.Sprintf("Host(`%s.example`)", name), Service: name})
	}
	table, _ := Compile(s, nil, options())
	for b.Loop() {
		Compile(s, table, options())
	}
}
