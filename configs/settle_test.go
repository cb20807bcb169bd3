package configs

import (
	"strings"
	"testing"
	"time"
)

func TestOneSourceIsChosen(t *testing.T) {
	for _, c := range []struct {
		args   string
		source string // swarm, file, or what the error must contain
	}{
		{"", "swarm"},
		{"--providers.swarm", "swarm"},
		{"--providers.swarm.network=edge", "swarm"},
		{"--providers.file.filename=a.yml", "file"},
		{"--providers.file.filename=a.yml --providers.swarm=false", "file"},
		{"--providers.file.filename=a.yml --providers.swarm=false --providers.swarm.network=edge", "file"},
		{"--providers.docker --providers.docker.swarmmode", "swarm"},
		{"--providers.docker.swarmMode=true --providers.docker.network=edge", "swarm"},
		{"--providers.docker.network=edge", "write providers.swarm instead"},
		{"--providers.docker=true", "write providers.swarm instead"},
		{"--providers.docker --providers.docker.swarmmode=false", "write providers.swarm instead"},
		{"--providers.swarm=false", "no source of routers"},
		{"--providers.swarm --providers.file.filename=a.yml", "drop the options of the other"},
		{"--providers.swarm.network=x --providers.file.filename=a.yml", "drop the options of the other"},
		{"--providers.file.watch", "set providers.file.filename"},
	} {
		got, err := Load(strings.Fields(c.args), nil)
		switch {
		case err != nil:
			if !strings.Contains(err.Error(), c.source) {
				t.Errorf("%s: error %q, want %q", c.args, err, c.source)
			}
		case (got.Swarm != nil) == (got.File != nil), (got.Swarm != nil) != (c.source == "swarm"):
			t.Errorf("%s: got %+v %+v, want %s", c.args, got.Swarm, got.File, c.source)
		}
	}
}

func TestTheListingIntervalFollowsTraefiksNameWithinItsBound(t *testing.T) {
	for args, want := range map[string]time.Duration{
		"--providers.swarm.refreshseconds=15":                                       1500 * time.Millisecond,
		"--providers.docker.swarmmode --providers.docker.swarmmoderefreshseconds=1": time.Second,
		"--providers.swarm.refreshseconds=15 --providers.swarm.interval=200ms":      200 * time.Millisecond,
	} {
		c := load(t, strings.Fields(args), nil, "")
		if c.Swarm.Interval != want {
			t.Errorf("%s: %v, want %v", args, c.Swarm.Interval, want)
		}
		if warned := strings.Contains(strings.Join(c.Warnings, "\n"), "15s is read as 1.5s"); warned != strings.Contains(args, "=15") {
			t.Errorf("%s: warnings %q", args, c.Warnings)
		}
	}
}

func TestDockerHostIsTheEndpointWhereNoOptionNamesOne(t *testing.T) {
	env := []string{"DOCKER_HOST=tcp://10.0.0.1:2375"}
	if got := load(t, nil, env, "").Swarm.Endpoint; got != "tcp://10.0.0.1:2375" {
		t.Errorf("got %s", got)
	}
	if got := load(t, []string{"--providers.swarm.endpoint=unix:///x.sock"}, env, "").Swarm.Endpoint; got != "unix:///x.sock" {
		t.Errorf("with an option: got %s", got)
	}
	if _, err := Load(nil, []string{"DOCKER_HOST=ssh://me@there"}); err == nil || !strings.Contains(err.Error(), "DOCKER_HOST") {
		t.Errorf("ssh: got %v", err)
	}
}

func TestTheAccessLogIsSwitchedOnByItsOptionsUnlessSwitchedOff(t *testing.T) {
	for args, want := range map[string]bool{
		"":                        false,
		"--accesslog":             true,
		"--accesslog.format=json": true,
		"--accesslog.format=json --accesslog=false": false,
	} {
		if got := load(t, strings.Fields(args), nil, "").AccessLog.Enabled; got != want {
			t.Errorf("%q: %v, want %v", args, got, want)
		}
	}
	if !load(t, nil, nil, "accessLog: {}\n").AccessLog.Enabled || !load(t, nil, nil, "accessLog:\n").AccessLog.Enabled {
		t.Error("an empty key in the file does not switch it on")
	}
}

func TestTheAdminEntryPointMakesRoomOnItsDefaultPortOnly(t *testing.T) {
	c := load(t, []string{"--entrypoints.web.address=:8080", "--entrypoints.x.address=127.0.0.1:8081", "--entrypoints.y.address=10.0.0.1:8082"}, nil, "")
	if c.Admin.Address != "127.0.0.1:8082" || len(c.Warnings) != 1 {
		t.Errorf("admin at %s, warnings %q", c.Admin.Address, c.Warnings)
	}
	_, err := Load([]string{"--entrypoints.web.address=:8080", "--entrypoints.traefik.address=:8080"}, nil)
	if err == nil || !strings.Contains(err.Error(), "web (:8080) and admin (:8080)") {
		t.Errorf("got %v", err)
	}
}

func TestACommandLineWrittenForTraefikStartsWithWarnings(t *testing.T) {
	c := load(t, []string{
		"--api", "--api.dashboard=true", "--api.insecure", "--ping", "--ping.entrypoint=web", "--metrics.prometheus=true", "--metrics.prometheus.buckets=0.1,0.3",
		"--providers.docker=true", "--providers.docker.swarmMode=true", "--providers.docker.exposedbydefault=false", "--providers.docker.watch", "--providers.docker.endpoint=unix:///var/run/docker.sock",
		"--entryPoints.web.address=:80", "--log.level=INFO", "--accesslog=true", "--global.sendAnonymousUsage=false",
	}, nil, "")
	want := []string{
		"flag --api: has no effect: there is no API or dashboard yet",
		"flag --ping.entrypoint: has no effect: /ping is on the entry point admin alone",
		"flag --metrics.prometheus.buckets: has no effect: /metrics is on the entry point admin alone, with labels and buckets of its own",
		"flag --global.sendAnonymousUsage: has no effect: Fairlead calls nobody",
		"providers.docker with swarmmode is read as providers.swarm, its name since Traefik v3",
	}
	if got := strings.Join(c.Warnings, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestWhatIsAlwaysOnSaysSoWhenSwitchedOff(t *testing.T) {
	c := load(t, []string{"--ping=false", "--metrics.prometheus=false", "--providers.swarm.watch=false"}, nil, "")
	if len(c.Warnings) != 3 {
		t.Errorf("got %q", c.Warnings)
	}
	if c := load(t, []string{"--providers.file.filename=x", "--providers.file.watch=false"}, nil, ""); len(c.Warnings) != 1 {
		t.Errorf("got %q", c.Warnings)
	}
}

func TestEntryPointsOfADoorAreOutOfTheWayOfOthers(t *testing.T) {
	c := load(t, []string{"--entrypoints.web.address=:8080", "--entrypoints.web.door=/run/fairlead/door.sock"}, nil, "")
	if c.EntryPoints[0].Door != "/run/fairlead/door.sock" || c.Admin.Address != "127.0.0.1:8080" || len(c.Warnings) != 0 {
		t.Errorf("%+v, admin at %s, warnings %q", c.EntryPoints[0], c.Admin.Address, c.Warnings)
	}
	for args, want := range map[string]string{
		"--entrypoints.web.door=door.sock":                    "an absolute path of at most 107 bytes",
		"--entrypoints.web.door=/" + strings.Repeat("x", 107): "an absolute path of at most 107 bytes",
		"--entrypoints.web.door=/d.sock":                      "web has no address",
		"--entrypoints.admin.door=/d.sock":                    "drop this option",
		"--entrypoints.a.address=:80 --entrypoints.a.door=/d --entrypoints.b.address=:80 --entrypoints.b.door=/d": "cannot both listen",
	} {
		if _, err := Load(strings.Fields(args), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
