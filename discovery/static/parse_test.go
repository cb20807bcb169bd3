package static

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

const shop = `
http:
  routers:
    Shop:
      rule: "Host(` + "`shop.example.com`" + `)"
      entryPoints: [web, websecure]
      service: shop@file
      middlewares:
        - auth
        - compress@swarm
      priority: 7
      tls: {}
    plain:
      rule: PathPrefix(` + "`/`" + `)
      service: shop
  services:
    shop:
      loadBalancer:
        servers:
          - url: http://10.0.0.1:8000
          - url: HTTPS://Shop.internal/
            weight: 3
        passHostHeader: false
        strategy: p2c
        slowStart: 20s
        responseForwarding: {flushInterval: 1ms}
        sticky:
          cookie: {name: sid, httpOnly: true, secure: true}
        healthCheck:
          path: /health
          interval: 5
          headers: {X-Probe: "1"}
`

func TestAFileInTraefiksFormatBecomesASnapshot(t *testing.T) {
	snap, err := parse("routes.yml", []byte(shop))
	if err != nil || len(snap.Problems) != 0 {
		t.Fatalf("error %v, problems %v", err, snap.Problems)
	}
	wantRouter := discovery.Router{
		Name: "Shop", Rule: "Host(`shop.example.com`)", Priority: 7, EntryPoints: []string{"web", "websecure"}, Service: "shop",
		Middlewares: []string{"auth", "compress@swarm"}, TLS: true,
		Origin: discovery.Origin{Subject: "routes.yml:5", Prefix: "http.routers.Shop"},
	}
	if len(snap.Routers) != 2 || !reflect.DeepEqual(snap.Routers[0], wantRouter) {
		t.Errorf("routers are %+v", snap.Routers)
	}
	probe := &discovery.Probe{
		Mode: "http", Path: "/health", Method: "GET", Interval: 5 * time.Second, UnhealthyInterval: 5 * time.Second,
		Timeout: 5 * time.Second, FollowRedirects: true, Headers: map[string]string{"X-Probe": "1"},
	}
	task := func(hash, scheme, hostPort string, weight int) discovery.Task {
		return discovery.Task{
			ID: "file-" + hash, Name: hostPort, Seat: discovery.Seat(hash), State: discovery.Running, Weight: weight, Probe: probe,
			Address: discovery.Address{Scheme: scheme, HostPort: hostPort}, StopGrace: 10 * time.Second,
		}
	}
	want := discovery.Service{
		Name: "shop", Strategy: discovery.P2C, SlowStart: 20 * time.Second,
		Sticky: &discovery.Cookie{Name: "sid", Path: "/", HTTPOnly: true, Secure: true},
		Tasks: []discovery.Task{
			task("3a8c9b1432", "http", "10.0.0.1:8000", 1),
			task("807c50977a", "https", "shop.internal:443", 3),
		},
		Origin: discovery.Origin{Subject: "routes.yml:20", Prefix: "http.services.shop.loadBalancer"},
	}
	if len(snap.Services) != 1 || !reflect.DeepEqual(snap.Services[0], want) {
		t.Errorf("services are\n%+v, want\n%+v", snap.Services, want)
	}
}

func TestTasksKeepTheirNamesWhereverTheyStandInTheList(t *testing.T) {
	service := func(urls ...string) []discovery.Task {
		text := "http: {services: {s: {loadBalancer: {servers: ["
		for _, u := range urls {
			text += "{url: '" + u + "'},"
		}
		snap, err := parse("f", []byte(text+"]}}}}"))
		if err != nil || len(snap.Services) != 1 || len(snap.Problems) != 0 {
			t.Fatalf("got %+v, %v", snap, err)
		}
		return snap.Services[0].Tasks
	}
	one := service("http://10.0.0.1", "http://10.0.0.2", "http://[fd00::1]:81")
	other := service("http://[fd00::1]:81", "http://10.0.0.2:80/", "http://10.0.0.1")
	if len(one) != 3 || !reflect.DeepEqual(one, other) {
		t.Errorf("got %+v and %+v", one, other)
	}
}

func TestEachMistakeIsNamedWithItsLineAndCostsItselfAlone(t *testing.T) {
	tests := []struct{ name, replace, with, want string }{
		{"an unknown key", "      priority: 7", "      prioritty: 7", "routes.yml:11: http.routers.Shop.prioritty: no such key; did you mean http.routers.Shop.priority?"},
		{"a bad value", "strategy: p2c", "strategy: best", "routes.yml:24: http.services.shop.loadBalancer.strategy: \"best\" is not one of"},
		{"a label's key", "        strategy: p2c", "        server: {port: 80}", "routes.yml:24: http.services.shop.loadBalancer.server.port: this key belongs in labels"},
		{"a URL with a path", "http://10.0.0.1:8000", "http://10.0.0.1:8000/app", "routes.yml:20: http.services.shop.loadBalancer.servers[0].url: \"http://10.0.0.1:8000/app\" has a path"},
		{"a URL without a scheme", "http://10.0.0.1:8000", "10.0.0.1:8000", "servers[0].url: \"10.0.0.1:8000\" is not a URL"},
		{"a URL of another scheme", "http://10.0.0.1:8000", "ftp://10.0.0.1", "does not begin with http://"},
		{"a URL without a host", "http://10.0.0.1:8000", "http://:80", "has no host"},
		{"a URL with a password", "http://10.0.0.1:8000", "http://a:b@10.0.0.1", "more in it than"},
		{"a URL with a port too high", "http://10.0.0.1:8000", "http://10.0.0.1:70000", "a port that is not one"},
		{"a URL twice", "HTTPS://Shop.internal/", "http://10.0.0.1:8000/", "routes.yml:21: http.services.shop.loadBalancer.servers[1].url: it is in the list already"},
		{"a key twice", "      priority: 7", "      Rule: x", "routes.yml:11: http.routers.Shop.Rule: it is there twice: line 5 is used"},
		{"an empty switch", "tls: {}", "tls:", "routes.yml:12: http.routers.Shop.tls: it is empty"},
		{"no service", "service: shop\n", "priority: 1\n", "routes.yml:14: http.routers.plain.service: there is none, so the router is left out"},
		{"no rule", "      rule: PathPrefix(`/`)\n", "", "http.routers.plain.rule: there is none, so the router is left out"},
		{"TCP", "http:\n", "tcp: {routers: {db: {rule: x, service: y}}}\nhttp:\n", "routes.yml:2: tcp.routers.db: a TCP router is not supported yet"},
		{"a list of URLs", "          - url: http://10.0.0.1:8000\n          - url: HTTPS://Shop.internal/\n            weight: 3\n", "          - http://10.0.0.1:8000\n", "servers: no such key; did you mean http.services.shop.loadbalancer.servers[0]."},
		{"a merge key", "      priority: 7", "      <<: {priority: 7}", "merge keys are not supported"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(shop, test.replace, test.with, 1)
			if text == shop {
				t.Fatal("nothing was replaced")
			}
			snap, err := parse("routes.yml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(snap.Problems, func(p discovery.Problem) bool { return strings.Contains(p.String(), test.want) }) {
				t.Errorf("problems are %v, want %s", snap.Problems, test.want)
			}
			if len(snap.Routers) == 0 || snap.Routers[0].Name != "Shop" || len(snap.Services) != 1 {
				t.Errorf("the neighbours are gone: %+v", snap)
			}
		})
	}
}

func TestWhatIsNotYAMLIsAnErrorWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"http:\n  routers:\n\tx: y\n": "routes.yml:3: not YAML:",
		"":                            "routes.yml: it is empty",
		"# only a comment\n":          "routes.yml: it is empty",
		"\n- http\n":                  "routes.yml:2: it does not begin with a key",
	} {
		_, err := parse("routes.yml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %s", text, err, want)
		}
	}
}

func TestAFileThatDoublesItselfEnds(t *testing.T) {
	text := "a0: &a0 {x: y}\n"
	for i := 1; i < 15; i++ {
		n, before := string(rune('a'+i)), string(rune('a'+i-1))
		text += n + "0: &" + n + "0 {"
		for _, k := range "pqrstuvwxyz" {
			text += string(k) + ": *" + before + "0, "
		}
		text += "}\n"
	}
	if _, err := parse("routes.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

func TestAFileThatHoldsItselfEnds(t *testing.T) {
	for _, text := range []string{"a: &a [*a, *a]", "http: &a {x: [*a, *a]}", "http: &a {x: *a}"} {
		snap, err := parse("routes.yml", []byte(text))
		if err != nil || len(snap.Problems) == 0 {
			t.Errorf("%s gives %+v, %v", text, snap, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(shop)
	f.Add("http: {services: {s: {loadBalancer: {servers: [{url: 'http://[::1%25eth0]:80'}, [x]]}}}}")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		one, err := parse("f", []byte(text))
		other, again := parse("f", []byte(text))
		if (err == nil) != (again == nil) || !reflect.DeepEqual(one, other) {
			t.Fatalf("two readings differ: %+v %v, %+v %v", one, err, other, again)
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func temporary(t *testing.T) string { return filepath.Join(t.TempDir(), "routes.yml") }
