package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// large is what real backends serve besides "small"; they divide it as they like.
var large = strings.Repeat("0123456789abcdef", 10_000)

// site is a folder with files to serve.
func site(t *testing.T) string {
	dir := t.TempDir()
	for name, body := range map[string]string{"small": "small", "large": large, "none": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run starts a program that serves a port, or skips the test where it is not installed; with
// CI=true nothing may be missing.
func run(t *testing.T, address string, name string, args ...string) discovery.Address {
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed, and with CI=true nothing is skipped", name)
	}
	if err != nil {
		t.Skipf("NOT TESTED against %s: it is not installed", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	if !testing.Verbose() {
		cmd.Stderr = nil
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	for end := time.Now().Add(2 * patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return discovery.Address{Scheme: "http", HostPort: address}
		}
	}
	t.Fatalf("%s does not take connections at %s", name, address)
	return discovery.Address{}
}

func freeAddress(t *testing.T) string { return refusing(t).HostPort }

func goBackend(keepAlive bool, secure bool) func(t *testing.T) discovery.Address {
	return func(t *testing.T) discovery.Address {
		files := http.FileServer(http.Dir(site(t)))
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				_ = http.NewResponseController(w).EnableFullDuplex()
				_, _ = io.Copy(w, r.Body)
				return
			}
			files.ServeHTTP(w, r)
		}))
		s.Config.SetKeepAlivesEnabled(keepAlive)
		if secure {
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
		scheme, address, _ := strings.Cut(s.URL, "://")
		return discovery.Address{Scheme: scheme, HostPort: address}
	}
}

func python(protocol string) func(t *testing.T) discovery.Address {
	return func(t *testing.T) discovery.Address {
		address := freeAddress(t)
		_, port, _ := net.SplitHostPort(address)
		return run(t, address, "python3", "-m", "http.server", port, "--bind", "127.0.0.1", "--protocol", protocol, "--directory", site(t))
	}
}

func nginx(keepAlive string) func(t *testing.T) discovery.Address {
	return func(t *testing.T) discovery.Address {
		address, dir := freeAddress(t), site(t)
		file := filepath.Join(t.TempDir(), "nginx.conf")
		conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {} http { access_log off; %[2]s client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
server { listen %[3]s; root %[1]s; gzip on; gzip_types *; } }`, dir, keepAlive, address)
		if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		return run(t, address, "nginx", "-c", file)
	}
}

func gunicorn(args ...string) func(t *testing.T) discovery.Address {
	return func(t *testing.T) discovery.Address {
		address, dir := freeAddress(t), site(t)
		app := `import os
def app(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    path = os.path.dirname(os.path.abspath(__file__)) + environ["PATH_INFO"]
    if not os.path.isfile(path):
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    body = open(path, "rb").read()
    start_response("200 OK", [])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body[:7], body[7:]]
`
		if err := os.WriteFile(filepath.Join(dir, "served.py"), []byte(app), 0o644); err != nil {
			t.Fatal(err)
		}
		return run(t, address, "gunicorn", append([]string{"--chdir", dir, "--bind", address}, append(args, "served:app")...)...)
	}
}

func TestRealBackendsAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		name   string
		start  func(t *testing.T) discovery.Address
		posts  bool // it echoes what is posted; the others refuse it
		reuses bool
	}{
		{"Go, keep-alive", goBackend(true, false), true, true},
		{"Go, closing", goBackend(false, false), true, false},
		{"Go, TLS", goBackend(true, true), true, true},
		{"Go, TLS, closing", goBackend(false, true), true, false},
		{"python http.server, keep-alive", python("HTTP/1.1"), false, true},
		{"python http.server, closing", python("HTTP/1.0"), false, false},
		{"nginx, keep-alive", nginx("keepalive_timeout 60;"), false, true},
		{"nginx, closing", nginx("keepalive_timeout 0;"), false, false},
		{"nginx, closing after every third", nginx("keepalive_timeout 60; keepalive_requests 3;"), false, true},
		{"gunicorn, keep-alive", gunicorn("--worker-class=gthread", "--threads=8", "--keep-alive=60"), true, true},
		{"gunicorn, closing", gunicorn("--worker-class=sync"), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New(c.start(t), &Options{TLS: &tls.Config{InsecureSkipVerify: true}})
			defer h.Drain()
			mustAsk(t, h, get("/small"))
			if kept(h) == 1 != c.reuses {
				t.Errorf("%d connections kept", kept(h))
			}
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for range 8 {
						tryAll(t, h, c.posts)
					}
				})
			}
			all.Wait()
		})
	}
}

func tryAll(t *testing.T, h *Host, posts bool) {
	for _, r := range []*http.Request{get("/small"), get("/large"), get("/none"), get("/missing"), get("/large?gzip")} {
		if r.RequestURI == "/large?gzip" {
			r.Method = "HEAD"
			r.Header.Set("Accept-Encoding", "gzip")
		}
		want := map[string]string{"/small": "small", "/large": large}[r.RequestURI]
		resp, body, err := ask(t, h, r)
		if err != nil || r.RequestURI != "/missing" && body != want || (resp.StatusCode == 404) != (r.RequestURI == "/missing") {
			t.Errorf("%s %s: %d bytes, error %v", r.Method, r.RequestURI, len(body), err)
		}
	}
	for _, length := range []int64{int64(len(large)), -1} {
		resp, body, err := ask(t, h, post(strings.NewReader(large), length))
		switch {
		case posts && (err != nil || body != large):
			t.Errorf("POST of length %d: %d bytes, error %v", length, len(body), err)
		case !posts && err == nil && resp.StatusCode < 400:
			t.Errorf("POST to a folder of files: status %d", resp.StatusCode)
		}
	}
}

// The worst moments to close: with these only the requests that must not be sent twice may fail,
// and what did not fail is right.
func TestABackendThatClosesAtTheWorstMomentNeverPassesForWhole(t *testing.T) {
	const answer = ok + "Content-Length: 5\r\n\r\nwhole"
	for name, f := range map[string]func(p *peer){
		"after the head":               func(p *peer) { p.head() },
		"in the middle of the answer":  func(p *peer) { p.request(); p.say(answer[:len(answer)-2]) },
		"in the middle of the request": func(p *peer) { _, _ = p.in.ReadByte(); p.reset() },
		"at once":                      func(p *peer) { p.reset() },
	} {
		t.Run(name, func(t *testing.T) {
			h := New(listen(t, func(p *peer) {
				for range p.n%3 + 1 {
					if p.request() == nil {
						return
					}
					p.say(answer)
				}
				if p.n%2 == 0 {
					f(p)
				}
			}), nil)
			defer h.Drain()
			whole := 0
			for i := range 200 {
				r := get("/")
				if i%3 == 0 {
					r = post(strings.NewReader("abc"), int64(3-4*(i%2)))
				}
				_, body, err := ask(t, h, r)
				switch {
				case err == nil && body != "whole":
					t.Fatalf("request %d: %q passed for whole", i, body)
				case err == nil:
					whole++
				}
			}
			if whole < 50 {
				t.Errorf("only %d of 200 requests were answered", whole)
			}
		})
	}
}

// TLS may hold bytes that came with the answer, where no look at the socket finds them.
func TestBytesThatTLSHoldsBackEndAConnection(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	const size = 60_000
	a := listen(t, func(p *peer) {
		c := tls.Server(p.Conn, s.TLS)
		p.Conn, p.in = c, bufio.NewReader(c)
		for p.request() != nil {
			p.say(ok + fmt.Sprintf("Content-Length: %d\r\n\r\n", size) + strings.Repeat(string(rune('0'+p.n)), size) + ok + "Content-Length: 0\r\n\r\n")
		}
	})
	a.Scheme = "https"
	h := New(a, &Options{TLS: &tls.Config{InsecureSkipVerify: true}})
	defer h.Drain()
	for n := range 3 {
		resp, err := h.Do(t.Context(), get("/"), Exchange{})
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(resp.Body, body); err != nil || body[size-1] != byte('0'+n) {
			t.Fatalf("request %d: answered by connection %c, error %v", n, body[size-1], err)
		}
	}
}

func TestTLSIsVerifiedAgainstTheBackendsAddress(t *testing.T) {
	a := goBackend(true, true)(t)
	_, err := New(a, nil).Do(context.Background(), get("/small"), Exchange{})
	wantError(t, err, NothingWritten, OpDial)
}
