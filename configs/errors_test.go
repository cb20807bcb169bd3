package configs

import (
	"strings"
	"testing"
)

func TestErrorsNameTheOptionTheSourceAndTheCure(t *testing.T) {
	for _, c := range []struct {
		args, env []string
		yaml      string
		want      string // the lines of the error
	}{
		{args: []string{"--entrypoint.web.adress=:80"},
			want: `flag --entrypoint.web.adress: unknown option; did you mean --entrypoints.web.address?`},
		{args: []string{"--network=edge"}, want: `flag --network: unknown option; did you mean --providers.swarm.network?`},
		{args: []string{"--loglevel", "debug"}, want: `flag --loglevel: unknown option; did you mean --log.level?`},
		{args: []string{"--xyzzy"}, want: `flag --xyzzy: unknown option; see fairlead --help`},
		{args: []string{"--entrypoints..address=:80"}, want: `flag --entrypoints..address: unknown option; did you mean --entrypoints.<name>.address?`},
		{args: []string{"--a\x1b[2J\n=1"}, want: `flag "--a\x1b[2J\n": unknown option; see fairlead --help`},
		{env: []string{"FAIRLEAD_ENTRYPOINTS_WEB_ADRESS=:80"},
			want: `environment variable FAIRLEAD_ENTRYPOINTS_WEB_ADRESS: unknown option; did you mean FAIRLEAD_ENTRYPOINTS_WEB_ADDRESS?`},
		{yaml: "log:\n  levle: info\n", want: `fairlead.yml:2: log.levle: unknown option; did you mean log.level?`},
		{yaml: "entryPoints:\n  - web\n", want: `fairlead.yml:1: entryPoints: unknown option; see fairlead --help`},
		{yaml: "configFile: x.yml\n", want: `fairlead.yml:1: configFile: unknown option; did you mean configfile?`},
		{args: []string{"--hold.timeout=10x"}, want: `flag --hold.timeout: "10x" is not accepted; write a duration such as 10s or 500ms`},
		{args: []string{"--hold.timeout=-1s"}, want: `flag --hold.timeout: "-1s" is not accepted; write a duration such as 10s or 500ms`},
		{args: []string{"--hold.timeout"}, want: `flag --hold.timeout: no value; write a duration such as 10s or 500ms`},
		{args: []string{"--hold.timeout", "--accesslog"}, want: `flag --hold.timeout: no value; write a duration such as 10s or 500ms`},
		{args: []string{"--providers.swarm.interval=2s"}, want: `flag --providers.swarm.interval: "2s" is not accepted; write a duration from 100ms to 1.5s`},
		{args: []string{"--providers.swarm.endpoint=ssh://x"},
			want: `flag --providers.swarm.endpoint: "ssh://x" is not accepted; write unix:///path, tcp://host:port, http://host:port or https://host:port (not ssh)`},
		{args: []string{"--entrypoints.web.address=80"},
			want: `flag --entrypoints.web.address: "80" is not accepted; write an address with a TCP port such as :80 or 127.0.0.1:8080`},
		{args: []string{"--entrypoints.web.address=:53/udp"},
			want: `flag --entrypoints.web.address: ":53/udp" is not accepted; write an address with a TCP port such as :80 or 127.0.0.1:8080`},
		{args: []string{"--entrypoints.web.address=:80", "--entrypoints.web.forwardedheaders.trustedips=10.0.0.0/33"},
			want: `flag --entrypoints.web.forwardedheaders.trustedips: "10.0.0.0/33" is not accepted; write addresses or networks such as 10.0.0.1,192.168.0.0/16`},
		{env: []string{"FAIRLEAD_LOG_LEVEL=loud"}, want: `environment variable FAIRLEAD_LOG_LEVEL: "loud" is not accepted; write debug, info, warn, error`},
		{yaml: "\nhold:\n  requests: many\n", want: `fairlead.yml:3: hold.requests: "many" is not accepted; write a number from 0 to 2147483647`},
		{yaml: "hold: {timeout: [1s]}\n", want: `fairlead.yml:1: hold.timeout: a list is not accepted; write a duration such as 10s or 500ms`},
		{yaml: "hold:\n  timeout: 1s\nHold:\n  requests: 1\n", want: `fairlead.yml:3: Hold: given a second time; the first is on line 1`},
		{yaml: "a: &a {b: 1}\nhold: *a\n", want: "fairlead.yml:2: hold: YAML aliases are not supported; write the value out\n" +
			`fairlead.yml:1: a.b: unknown option; see fairlead --help`},
		{yaml: "a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: 1}}}}}}}}}}}\n",
			want: `fairlead.yml:1: a: keys are nested too deep; no option is below 10 of them`},
		{yaml: "- web\n", want: `fairlead.yml:1: keys and values are expected`},
		{args: []string{"--ping", "true"}, want: `argument "true" is not an option; write --ping=true`},
		{args: []string{"serve"}, want: `argument "serve" is not an option; options begin with --`},
		{args: []string{"--entrypoints.web.asdefault"}, want: `entry point web has no address; set entrypoints.web.address, such as :80`},
		{args: []string{"--entrypoints.a.address=:80", "--entrypoints.b.address=0.0.0.0:80"},
			want: `entry points a (:80) and b (0.0.0.0:80) cannot both listen; give one another port`},
		{args: []string{"--providers.docker.swarmmode", "--providers.docker.constraints=Label(`a`,`b`)"},
			want: `flag --providers.docker.constraints: not supported yet, and without it other services would be served; remove it and label services with enable=true or false`},
		{args: []string{"--certificatesresolvers.le.acme.email=a@b.c", "--certificatesresolvers.le.acme.storage", "/acme.json", "--entrypoints.web.address=:443", "--entrypoints.web.http.tls"},
			want: "flag --certificatesresolvers.le.acme.email: " + noTLS + "\nflag --entrypoints.web.http.tls: " + noTLS},
		{yaml: "certificatesResolvers:\n  le:\n    acme: {email: x, domains: [{main: a}]}\n", want: "fairlead.yml:1: certificatesResolvers: " + noTLS},
		{args: []string{"--hold.timeout=x", "--hodl.requests=1"}, env: []string{"FAIRLEAD_LOG_FORMAT=xml"}, yaml: "log: {level: 7}\n",
			want: "fairlead.yml:1: log.level: \"7\" is not accepted; write debug, info, warn, error\n" +
				"environment variable FAIRLEAD_LOG_FORMAT: \"xml\" is not accepted; write common, json\n" +
				"flag --hold.timeout: \"x\" is not accepted; write a duration such as 10s or 500ms\n" +
				"flag --hodl.requests: unknown option; did you mean --hold.requests?"},
	} {
		got, err := tryLoad(t, c.args, c.env, c.yaml)
		if err == nil || got != nil {
			t.Errorf("%q %q %q: accepted", c.args, c.env, c.yaml)
		} else if err.Error() != c.want {
			t.Errorf("%q %q %q:\ngot  %s\nwant %s", c.args, c.env, c.yaml, err, c.want)
		}
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	if _, err := Load([]string{"--configfile=/does/not/exist.yml"}, nil); err == nil || !strings.Contains(err.Error(), "/does/not/exist.yml") {
		t.Errorf("got %v", err)
	}
	if _, err := tryLoad(t, nil, nil, "a: [\n"); err == nil || !strings.Contains(err.Error(), "fairlead.yml: not YAML") {
		t.Errorf("got %v", err)
	}
}
