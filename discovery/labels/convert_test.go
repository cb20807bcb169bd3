package labels

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// pair is a Swarm service with those labels, and one that must not notice.
func pair(labels map[string]string) Cluster {
	task := Task{ID: "t1", Name: "shop_web.1", Slot: 1, State: discovery.Running}
	return Cluster{ID: "swarm1", Services: []Service{
		{ID: "1", Name: "shop_web", Created: time.Unix(1, 0), Labels: labels, Networks: networks("proxy"), Checked: true, Tasks: []Task{task}},
		{ID: "2", Name: "blog_web", Created: time.Unix(0, 0), Networks: networks("proxy"), Checked: true, Labels: map[string]string{
			"traefik.http.routers.blog.rule":                      "Host(`blog.example.com`)",
			"traefik.http.services.blog.loadbalancer.server.port": "80",
		}},
	}}
}

func good() map[string]string {
	return map[string]string{
		"traefik.http.routers.web.rule":                      "Host(`example.com`)",
		"traefik.http.services.web.loadbalancer.server.port": "8000",
	}
}

func FuzzConvert(f *testing.F) {
	for _, key := range Keys() {
		path := strings.NewReplacer("**", "x", "*", "web", "[]", "[0]").Replace(key.Pattern)
		f.Add("traefik."+path, "true")
		f.Add("fairlead."+path, "-1")
	}
	f.Add("traefik.http.routers.web.entrypoint", "web")
	f.Add("TRAEFIK..", "")
	f.Add("fairlead.http.services.web.loadbalancer.servers[99999999999999999999].url", "http://[::1]")
	f.Fuzz(func(t *testing.T, label, value string) {
		labels := good()
		if _, known := labels[label]; known {
			return
		}
		labels[label] = value
		o := Options{Shared: networks("proxy")}
		with := Convert(pair(labels), o)
		if again := Convert(pair(maps.Clone(labels)), o); !reflect.DeepEqual(with, again) {
			t.Fatalf("two readings differ:\n%s\n%s", show(with), show(again))
		}
		without := Convert(pair(good()), o)
		if !slices.ContainsFunc(with.Routers, func(r discovery.Router) bool { return r.Name == "blog" && r.Service == "blog" }) {
			t.Fatalf("the neighbour lost its router:\n%s", show(with))
		}
		if bad(label, value) {
			if with.Problems = nil; !reflect.DeepEqual(with, without) {
				t.Fatalf("%s=%q cannot be used and changes more than itself:\n%s", label, value, show(with))
			}
		}
	})
}

// bad says whether a label is of no use by itself.
func bad(label, value string) bool {
	d := Decode(settings("shop_web", map[string]string{label: value}))
	return len(d.Problems) > 0 && len(d.Routers) == 0 && len(d.Balancers) == 0 && d.Enable == nil && d.network == ""
}

func TestABadLabelLeavesEverythingElseAsItWas(t *testing.T) {
	o := Options{Shared: networks("proxy")}
	without := Convert(pair(good()), o)
	for label, value := range map[string]string{
		"traefik.http.routers.other.priority":                   "high",
		"traefik.http.services.other.loadbalancer.server.port":  "none",
		"traefik.http.services.web.loadbalancer.sticky":         "perhaps",
		"traefik.http.routers.web.rul":                          "Host(`x`)",
		"fairlead.http.services.web.loadbalancer.strategy":      "best",
		"traefik.http.services.web.loadbalancer.healthcheck.no": "1",
		"traefik.swarm.network":                                 "",
	} {
		labels := good()
		labels[label] = value
		with := Convert(pair(labels), o)
		if len(with.Problems) != 1 || with.Problems[0].Label != label {
			t.Errorf("%s: problems are %v", label, with.Problems)
		}
		if with.Problems = nil; !reflect.DeepEqual(with, without) {
			t.Errorf("%s changes more than itself:\n%s", label, show(with))
		}
	}
}

func TestTheOrderOfAClusterDoesNotMatter(t *testing.T) {
	c, o := readCluster(t, `
		service a_web
		  traefik.http.routers.web.rule=Host("a")
		  traefik.http.services.web.loadbalancer.server.port=80
		  task 1 10.0.0.1
		  task 2 10.0.0.2
		service b_web
		  traefik.http.routers.web.rule=Host("b")
		  traefik.http.services.web.loadbalancer.server.port=81
		  task 1 10.0.1.1
		service c_web
		  traefik.http.routers.web.rule=Host("c")
		  traefik.http.services.web.loadbalancer.strategy=hrw`)
	want := show(Convert(c, o))
	for range 50 {
		rand.Shuffle(len(c.Services), func(i, j int) { c.Services[i], c.Services[j] = c.Services[j], c.Services[i] })
		for _, s := range c.Services {
			rand.Shuffle(len(s.Tasks), func(i, j int) { s.Tasks[i], s.Tasks[j] = s.Tasks[j], s.Tasks[i] })
		}
		if got := show(Convert(c, o)); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestConvertWritesNothingIntoTheCluster(t *testing.T) {
	labels := good()
	c := pair(labels)
	Convert(c, Options{})
	if !reflect.DeepEqual(c, pair(good())) {
		t.Errorf("the cluster is now %+v", c)
	}
}

func TestClusterAndLeavingAreHandedOn(t *testing.T) {
	snap := Convert(Cluster{ID: "c1", Leaving: true}, Options{})
	if snap.Cluster != "c1" || !snap.Leaving || len(snap.Routers)+len(snap.Services)+len(snap.Problems) != 0 {
		t.Errorf("got %+v", snap)
	}
}

func TestEveryKnownKeyIsFoundAndDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range Keys() {
		path := strings.NewReplacer("**", "x", "*", "web", "[]", "[0]").Replace(key.Pattern)
		found, _ := grammar.find(strings.Split(strings.ToUpper(path), "."))
		if found == nil || found.Pattern != key.Pattern {
			t.Errorf("%s leads to %+v", path, found)
		}
		if seen[key.Pattern] || key.Doc == "" || key.Later && (key.cure == "" || key.object == 0) {
			t.Errorf("%s is there twice or says too little", key.Pattern)
		}
		seen[key.Pattern] = true
	}
}

func TestEveryMistypedKeyLeadsToTheKnownOne(t *testing.T) {
	for _, key := range Keys() {
		if strings.HasSuffix(key.Pattern, "**") {
			continue
		}
		path := strings.Split(strings.NewReplacer("*", "web", "[]", "[0]").Replace(key.Pattern), ".")
		want := strings.Join(path, ".")
		for i, word := range path {
			if word == "web" || len(word) < 3 {
				continue
			}
			mistyped := slices.Clone(path)
			mistyped[i] = word[:1] + "q" + word[1:]
			prefix := map[Place]string{InLabels: "traefik.", Own: "fairlead."}[key.Place]
			if got := nearest(Setting{Prefix: prefix, Path: mistyped}); got != want {
				t.Errorf("%s leads to %q", strings.Join(mistyped, "."), got)
			}
		}
	}
}

func TestDurationsAreReadAsTraefikReadsThem(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"10": 10 * time.Second, "-1": -time.Second, "0": 0, "1m30s": 90 * time.Second, " 5ms ": 5 * time.Millisecond,
	} {
		if got, bad := parseDuration(value); bad != nil || got != want {
			t.Errorf("%q is %v, %v", value, got, bad)
		}
	}
	for _, value := range []string{"", "10 s", "soon", "1d", "99999999999"} {
		if got, bad := parseDuration(value); bad == nil {
			t.Errorf("%q is %v", value, got)
		}
	}
}

func TestCookieNamesAreThoseOfTraefik(t *testing.T) {
	// The head of `printf _TRAEFIK_BACKEND_whoami@swarm | sha1sum`.
	if got := CookieName("whoami", "swarm"); got != "_a19eb" {
		t.Errorf("got %q", got)
	}
}
