package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/discovery"
)

// script is a source whose snapshots a test writes.
type script struct {
	next    chan discovery.Snapshot
	applied chan struct{}
}

func (s *script) Run(ctx context.Context, apply func(discovery.Snapshot)) error {
	for {
		select {
		case snapshot := <-s.next:
			apply(snapshot)
			s.applied <- struct{}{}
		case <-ctx.Done():
			return nil
		}
	}
}

// world is a proxy under test.
type world struct {
	*Proxy
	t      *testing.T
	script *script
	stop   context.CancelFunc // asks the proxy to end
	ended  chan error         // what Run returned
	log    *lockedBuffer
	away   atomic.Pointer[discovery.Status] // the source's, while it cannot see the cluster
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (w *world) status() discovery.Status {
	if s := w.away.Load(); s != nil {
		return *s
	}
	return discovery.Status{Seen: time.Now()}
}

// begin runs a proxy on loopback with the options given.
func begin(t *testing.T, args ...string) *world {
	t.Helper()
	config, err := configs.Load(append([]string{
		"--entrypoints.web.address=127.0.0.1:0", "--entrypoints.admin.address=127.0.0.1:0",
	}, args...), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, script: &script{make(chan discovery.Snapshot), make(chan struct{})}, ended: make(chan error, 1), log: &lockedBuffer{}}
	w.Proxy, err = New(Options{
		Config: config, Source: w.script, Status: w.status,
		Log: zerolog.New(w.log), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	go func() { w.ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() // or the end waits for them
		w.stop()
		if err := <-w.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if t.Failed() {
			t.Log(w.log)
		}
	})
	return w
}

// see has the cluster look so: a router for everything to the service "app" with these tasks.
func (w *world) see(service discovery.Service, tasks ...discovery.Task) {
	service.Name, service.Tasks, service.PassHostHeader = "app", tasks, true
	w.apply(discovery.Snapshot{
		Cluster:  "test",
		Routers:  []discovery.Router{{Name: "all", Rule: "PathPrefix(`/`)", Service: "app"}},
		Services: []discovery.Service{service},
	})
}

func (w *world) apply(s discovery.Snapshot) {
	w.t.Helper()
	w.script.next <- s
	<-w.script.applied
}

func (w *world) url() string { return "http://" + w.Addr("web").String() }

var stickily = discovery.Service{Sticky: &discovery.Cookie{Name: "pin", Path: "/"}}

// task is a running task n that answers at the address.
func task(n int, hostPort string) discovery.Task {
	return discovery.Task{
		ID: fmt.Sprintf("task%d", n), Name: fmt.Sprintf("app.%d", n), Seat: discovery.Seat(fmt.Sprint(n)), Slot: n, Node: "node-1",
		State: discovery.Running, Address: discovery.Address{Scheme: "http", HostPort: hostPort}, Weight: 1, Checked: true,
		StopGrace: 10 * time.Second,
	}
}

// replica is a real backend that says its name, or does what h does.
func replica(t *testing.T, n int, h http.HandlerFunc) discovery.Task {
	t.Helper()
	if h == nil {
		h = func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%d%s", n, body)
		}
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return task(n, strings.TrimPrefix(s.URL, "http://"))
}

// dead is a task at whose address nobody listens.
func dead(t *testing.T, n int) discovery.Task {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return task(n, ln.Addr().String())
}

// raw is a task whose connections each get treated by f.
func raw(t *testing.T, n int, f func(net.Conn)) discovery.Task {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	g.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			g.Go(func() { defer c.Close(); f(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); g.Wait() })
	return task(n, ln.Addr().String())
}

// browser keeps cookies as a browser does.
type browser struct {
	http.Client
	cookies map[string]string
}

// ask is a request with its answer read whole.
func (b *browser) ask(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if b.cookies == nil {
			b.cookies = map[string]string{}
		}
		b.cookies[c.Name] = c.Value
	}
	return resp, string(text)
}

func (b *browser) get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	return b.ask(t, http.MethodGet, url, "")
}
