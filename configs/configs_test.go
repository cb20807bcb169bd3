package configs

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// load is Load of a command line, environment variables and a file's text, which must succeed.
func load(t *testing.T, args, environ []string, yaml string) *Config {
	t.Helper()
	c, err := tryLoad(t, args, environ, yaml)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func tryLoad(t *testing.T, args, environ []string, yaml string) (*Config, error) {
	t.Helper()
	if yaml != "" {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("fairlead.yml", []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--configfile=fairlead.yml"}, args...)
	}
	return Load(args, environ)
}

var usualLimits = Limits{Connections: 32768, PerAddress: 4096, HeadTime: 10 * time.Second, Silence: time.Minute}

func TestWithoutOptionsItServesPort80FromTheLocalEngine(t *testing.T) {
	entry := func(name, address string) EntryPoint {
		return EntryPoint{Name: name, Address: address, Lifecycle: Lifecycle{GraceTimeout: 10 * time.Second},
			Timeouts: RespondingTimeouts{Idle: 180 * time.Second}, MaxHeaderBytes: 1 << 20, MaxHeaders: 100,
			Limits: usualLimits, Upgrades: []string{"websocket"}}
	}
	want := &Config{
		EntryPoints: []EntryPoint{entry("web", ":80")},
		Admin:       entry("admin", "127.0.0.1:8080"),
		Swarm: &Swarm{Endpoint: "unix:///var/run/docker.sock", DefaultRule: "Host(`{{ normalize .Name }}`)",
			Interval: time.Second, UpdateInterval: 200 * time.Millisecond},
		AccessLog: AccessLog{Format: "common"},
		Log:       Log{Level: "info"},
		Hold:      Hold{Timeout: 10 * time.Second, Requests: 256},
		ServersTransport: ServersTransport{MaxIdleConnsPerHost: 200, DialTimeout: 3 * time.Second,
			IdleConnTimeout: 90 * time.Second},
	}
	if got := load(t, nil, []string{"PATH=/bin", "TRAEFIK_LOG_LEVEL=debug"}, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// every sets each option that has an effect to something else than its default.
var every = []struct{ path, value string }{
	{"entrypoints.web.address", "127.0.0.1:8000"},
	{"entrypoints.web.asdefault", "true"},
	{"entrypoints.web.door", "/run/door.sock"},
	{"entrypoints.web.forwardedheaders.insecure", "true"},
	{"entrypoints.web.forwardedheaders.trustedips", "10.0.0.0/8,::1"},
	{"entrypoints.web.http.maxheaderbytes", "4096"},
	{"entrypoints.web.http.maxheaders", "50"},
	{"entrypoints.web.http.upgrades", "WebSocket,SPDY/3.1"},
	{"entrypoints.web.http.via", "edge-1"},
	{"entrypoints.web.transport.maxconnections", "1000"},
	{"entrypoints.web.transport.maxconnectionsperaddress", "0"},
	{"entrypoints.web.transport.headtimeout", "4s"},
	{"entrypoints.web.transport.silencetimeout", "0"},
	{"entrypoints.web.transport.tunnelidletimeout", "1h"},
	{"entrypoints.web.transport.lifecycle.requestacceptgracetimeout", "1s"},
	{"entrypoints.web.transport.lifecycle.gracetimeout", "20"},
	{"entrypoints.web.transport.respondingtimeouts.readtimeout", "30s"},
	{"entrypoints.web.transport.respondingtimeouts.writetimeout", "40s"},
	{"entrypoints.web.transport.respondingtimeouts.idletimeout", "50s"},
	{"entrypoints.admin.address", ":9000"},
	{"providers.swarm.endpoint", "tcp://proxy:2375"},
	{"providers.swarm.controlsocket", "/run/swarm/control.sock"},
	{"providers.swarm.exposedbydefault", "false"},
	{"providers.swarm.network", "edge"},
	{"providers.swarm.defaultrule", "Host(`{{ .Name }}.test`)"},
	{"providers.swarm.interval", "500ms"},
	{"providers.swarm.updateinterval", "100ms"},
	{"sticky.keyfile", "/run/secrets/key"},
	{"hold.timeout", "5s"},
	{"hold.requests", "16"},
	{"serverstransport.insecureskipverify", "true"},
	{"serverstransport.maxidleconnsperhost", "8"},
	{"serverstransport.forwardingtimeouts.dialtimeout", "1s"},
	{"serverstransport.forwardingtimeouts.responseheadertimeout", "2s"},
	{"serverstransport.forwardingtimeouts.idleconntimeout", "3s"},
	{"log.level", "DEBUG"},
	{"log.format", "json"},
	{"accesslog.format", "json"},
	{"accesslog.filepath", "/var/log/access.log"},
}

func wantEvery() *Config {
	no := false
	return &Config{
		EntryPoints: []EntryPoint{{Name: "web", Address: "127.0.0.1:8000", AsDefault: true,
			Door:             "/run/door.sock",
			ForwardedHeaders: ForwardedHeaders{Insecure: true, TrustedIPs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
			Lifecycle:        Lifecycle{RequestAcceptGraceTimeout: time.Second, GraceTimeout: 20 * time.Second},
			Timeouts:         RespondingTimeouts{Read: 30 * time.Second, Write: 40 * time.Second, Idle: 50 * time.Second},
			MaxHeaderBytes:   4096, MaxHeaders: 50, Upgrades: []string{"websocket", "spdy/3.1"}, Via: "edge-1",
			Limits: Limits{Connections: 1000, HeadTime: 4 * time.Second, TunnelIdle: time.Hour}}},
		Admin: EntryPoint{Name: "admin", Address: ":9000", Lifecycle: Lifecycle{GraceTimeout: 10 * time.Second},
			Timeouts: RespondingTimeouts{Idle: 180 * time.Second}, MaxHeaderBytes: 1 << 20, MaxHeaders: 100,
			Limits: usualLimits, Upgrades: []string{"websocket"}},
		Swarm: &Swarm{Endpoint: "tcp://proxy:2375", ControlSocket: "/run/swarm/control.sock", ExposedByDefault: &no, Network: "edge", DefaultRule: "Host(`{{ .Name }}.test`)",
			Interval: 500 * time.Millisecond, UpdateInterval: 100 * time.Millisecond},
		AccessLog: AccessLog{Enabled: true, Format: "json", FilePath: "/var/log/access.log"},
		Log:       Log{Level: "debug", Format: "json"},
		Sticky:    Sticky{KeyFile: "/run/secrets/key"},
		Hold:      Hold{Timeout: 5 * time.Second, Requests: 16},
		ServersTransport: ServersTransport{InsecureSkipVerify: true, MaxIdleConnsPerHost: 8, DialTimeout: time.Second,
			ResponseHeaderTimeout: 2 * time.Second, IdleConnTimeout: 3 * time.Second},
	}
}

func TestEveryOptionMeansTheSameInAllThreePlacesAndInBothFlagForms(t *testing.T) {
	var joined, apart, environ []string
	yaml := &strings.Builder{}
	for _, o := range every {
		joined = append(joined, "--"+o.path+"="+o.value)
		apart = append(apart, "-"+strings.ToUpper(o.path[:3])+o.path[3:])
		if o.value == "true" && find0(t, o.path).value.bare {
			// a flag of its own
		} else if find0(t, o.path).value.bare {
			apart[len(apart)-1] += "=" + o.value
		} else {
			apart = append(apart, o.value)
		}
		environ = append(environ, "FAIRLEAD_"+strings.ToUpper(strings.ReplaceAll(o.path, ".", "_"))+"="+o.value)
	}
	yaml.WriteString(everyYAML)
	for name, got := range map[string]*Config{
		"--a=b":       load(t, joined, nil, ""),
		"-a b":        load(t, apart, nil, ""),
		"environment": load(t, nil, environ, ""),
		"file":        load(t, nil, nil, yaml.String()),
	} {
		if want := wantEvery(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
}

func find0(t *testing.T, path string) option {
	t.Helper()
	o, _, ok := find(path)
	if !ok {
		t.Fatalf("no option %s", path)
	}
	return o
}

const everyYAML = `
entryPoints:
  web:
    address: 127.0.0.1:8000/tcp
    door: /run/door.sock
    asDefault: true
    forwardedHeaders: {insecure: true, trustedIPs: [10.0.0.0/8, "::1"]}
    http: {maxHeaderBytes: 4096, maxHeaders: 50, upgrades: [websocket, spdy/3.1], via: edge-1}
    transport:
      maxConnections: 1000
      maxConnectionsPerAddress: 0
      headTimeout: 4s
      silenceTimeout: 0
      tunnelIdleTimeout: 1h
      lifeCycle: {requestAcceptGraceTimeout: 1, graceTimeout: 20s}
      respondingTimeouts: {readTimeout: 30, writeTimeout: 40s, idleTimeout: 50s}
  traefik: {address: ":9000"}
providers:
  swarm:
    endpoint: tcp://proxy:2375
    controlSocket: /run/swarm/control.sock
    exposedByDefault: false
    network: edge
    defaultRule: Host(` + "`{{ .Name }}.test`" + `)
    interval: 500ms
    updateInterval: 100ms
sticky: {keyFile: /run/secrets/key}
hold: {timeout: 5s, requests: 16}
serversTransport:
  insecureSkipVerify: true
  maxIdleConnsPerHost: 8
  forwardingTimeouts: {dialTimeout: 1s, responseHeaderTimeout: 2s, idleConnTimeout: 3s}
log: {level: Debug, format: json}
accessLog: {format: json, filePath: /var/log/access.log}
`

func TestEveryOptionOfTheTableIsTried(t *testing.T) {
	tried := map[string]bool{"configfile": true, "providers.swarm": true, "providers.swarm.refreshseconds": true, "providers.swarm.watch": true,
		"providers.file.filename": true, "providers.file.watch": true, "accesslog": true, "ping": true, "metrics.prometheus": true}
	for _, e := range every {
		tried[find0(t, e.path).path] = true
	}
	for _, g := range table {
		for _, o := range g.options {
			if !tried[o.path] {
				t.Errorf("no test sets %s", o.path)
			}
		}
	}
}

func TestFlagsWinOverEnvironmentOverFile(t *testing.T) {
	c := load(t, []string{"--hold.timeout=1s"},
		[]string{"FAIRLEAD_HOLD_TIMEOUT=2s", "FAIRLEAD_HOLD_REQUESTS=2"},
		"hold: {timeout: 3s, requests: 3}\nlog: {level: warn}\n")
	if c.Hold.Timeout != time.Second || c.Hold.Requests != 2 || c.Log.Level != "warn" {
		t.Errorf("got %v %+v", c.Hold, c.Log)
	}
}

func TestTheFileIsNamedByTheEnvironmentToo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f.yml")
	if err := os.WriteFile(name, []byte("hold: {requests: 7}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := load(t, nil, []string{"FAIRLEAD_CONFIGFILE=" + name}, ""); c.Hold.Requests != 7 {
		t.Errorf("the file was not read: %+v", c.Hold)
	}
}

func TestAListMayBeGivenInSeveralFlagsAndAHigherPlaceReplacesIt(t *testing.T) {
	c := load(t, []string{"--entrypoints.web.forwardedheaders.trustedips=10.1.2.3/8", "--entryPoints.web.forwardedHeaders.trustedIPs=::ffff:192.0.2.1"},
		[]string{"FAIRLEAD_ENTRYPOINTS_WEB_ADDRESS=:81", "FAIRLEAD_ENTRYPOINTS_WEB_FORWARDEDHEADERS_TRUSTEDIPS=0.0.0.0/0"}, "")
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	if got := c.EntryPoints[0].ForwardedHeaders.TrustedIPs; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnEntryPointKeepsTheCaseOfItsName(t *testing.T) {
	c := load(t, []string{"--entrypoints.webSecure.address=:443"}, []string{"FAIRLEAD_ENTRYPOINTS_WEBSECURE_ASDEFAULT=true"}, "")
	if len(c.EntryPoints) != 1 || c.EntryPoints[0].Name != "webSecure" || !c.EntryPoints[0].AsDefault {
		t.Errorf("got %+v", c.EntryPoints)
	}
}

func TestRoutersWithoutEntryPointsListenToTheMarkedOnesElseToAllButAdmin(t *testing.T) {
	args := []string{"--entrypoints.b.address=:81", "--entrypoints.a.address=:82"}
	if got := load(t, args, nil, "").DefaultEntryPoints(); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	if got := load(t, append(args, "--entrypoints.b.asdefault"), nil, "").DefaultEntryPoints(); !reflect.DeepEqual(got, []string{"b"}) {
		t.Errorf("with b marked: got %v", got)
	}
}
