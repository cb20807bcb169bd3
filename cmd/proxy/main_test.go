package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// freePort is a port of loopback that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestTheHealthcheckPassesWhileTheProxyAnswersAndFailsWithout(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer backend.Close()
	routes := filepath.Join(t.TempDir(), "routes.yml")
	const config = "http:\n  routers: {all: {rule: PathPrefix(`/`), service: app}}\n  services: {app: {loadBalancer: {servers: [{url: %q}]}}}\n"
	if err := os.WriteFile(routes, fmt.Appendf(nil, config, backend.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	web := freePort(t)
	args := []string{"--entrypoints.web.address=" + web, "--entrypoints.admin.address=" + freePort(t),
		"--providers.file.filename=" + routes, "--log.level=error"}
	if err := dispatch(t.Context(), append([]string{"healthcheck"}, args...)); err == nil || !strings.Contains(err.Error(), "no proxy answers") {
		t.Errorf("without a proxy: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- dispatch(ctx, append([]string{"run"}, args...)) }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := dispatch(t.Context(), append([]string{"healthcheck"}, args...))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with a proxy: %v", err)
		}
	}
	resp, err := http.Get("http://" + web)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestMistakesOnTheCommandLineAreNamedWithTheirCure(t *testing.T) {
	for line, want := range map[string][]string{
		"rnu":                                   {`unknown command "rnu"`, "did you mean run"},
		"restart":                               {`unknown command "restart"`, "healthcheck"},
		"run --entrypoint.web.address=:80":      {"entrypoints.web.address", "fairlead --help"},
		"--sticky.keyfile=/none":                {"--sticky.keyfile", "/none"},
		"healthcheck --entrypoints.web.adress=": {"entrypoints.web.address"},
	} {
		err := dispatch(t.Context(), strings.Fields(line))
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %q", line, err, w)
			}
		}
	}
}

func TestAnAddressToListenOnIsDialledFromTheSameMachine(t *testing.T) {
	for address, want := range map[string]string{
		":8080": "localhost:8080", "0.0.0.0:80": "localhost:80", "[::]:80": "localhost:80", "127.0.0.1:8080": "127.0.0.1:8080", "10.0.0.1:1": "10.0.0.1:1",
	} {
		if got := local(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
