package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/door"
)

// openDoor runs a door for the entry point web, until stop or the test's end, and returns where it is.
func openDoor(t *testing.T) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "door.sock")
	return path, serveDoor(t, path, false)
}

// serveDoor runs a door at the path; cuts as door.Open has it.
func serveDoor(t *testing.T, path string, cuts bool) (stop func()) {
	t.Helper()
	d, err := door.Open(path, []door.Entry{{Name: "web", Address: "127.0.0.1:0"}}, cuts, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the door: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// beginAt runs a proxy that takes its socket from a door, and has it.
func beginAt(t *testing.T, path string) *world {
	t.Helper()
	w := begin(t, "--entrypoints.web.door="+path)
	for deadline := time.Now().Add(10 * time.Second); !w.entries[0].door.Taken(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no socket from the door")
		}
	}
	return w
}

// stream posts without pause over kept connections until stop, which returns how many were answered.
func stream(t *testing.T, url string) (answered *atomic.Int64, stop func()) {
	answered = new(atomic.Int64)
	quit := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			client := http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := 0; ; i++ {
				select {
				case <-quit:
					return
				default:
				}
				// A body that cannot be had twice: the client must not try again by itself.
				body := fmt.Sprint("-", i)
				resp, err := client.Post(url, "text/plain", io.MultiReader(strings.NewReader(body)))
				if err != nil {
					t.Errorf("lost: %v", err)
					return
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(text) != "1"+body {
					t.Errorf("lost: %q, %v", text, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	return answered, func() { close(quit); all.Wait() }
}

func TestAProxyIsReplacedAtADoorAndNoRequestIsLost(t *testing.T) {
	path, _ := openDoor(t)
	app := replica(t, 1, nil)
	old := beginAt(t, path)
	old.see(discovery.Service{}, app)
	answered, stop := stream(t, old.url())
	reach := func(n int64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); answered.Load() < n && !t.Failed(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d answers, want %d", answered.Load(), n)
			}
		}
	}
	reach(100)
	next := beginAt(t, path)
	next.see(discovery.Service{}, app)
	reach(answered.Load() + 100)
	old.stop()
	err := <-old.ended
	old.ended <- err
	reach(answered.Load() + 100)
	stop()
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestAProxyWithoutATableLeavesTheDoorToOthers(t *testing.T) {
	path, _ := openDoor(t)
	late := beginAt(t, path)
	waiting := make(chan string)
	go func() { _, text := new(browser).get(t, late.url()); waiting <- text }()
	ready := beginAt(t, path)
	ready.see(discovery.Service{}, replica(t, 1, nil))
	if text := <-waiting; text != "1" {
		t.Errorf("the request that had to wait got %q", text)
	}
	for range 20 {
		if _, text := new(browser).get(t, ready.url()); text != "1" {
			t.Errorf("got %q", text)
		}
	}
	if n := late.entries[0].server.Connections(); n != 0 {
		t.Errorf("the proxy without a table took %d connections", n)
	}
}

func TestAProxyIsHealthyWithTheDoorsSocketAndStaysSoWithoutTheDoor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "door.sock")
	w := begin(t, "--entrypoints.web.door="+path)
	w.see(discovery.Service{}, replica(t, 1, nil))
	if got := adminGet(t, w, "/healthy"); !strings.Contains(got, "no socket from the door "+path) {
		t.Errorf("before there is a door: %q", got)
	}
	path, stop := openDoor(t)
	w = beginAt(t, path)
	w.see(discovery.Service{}, replica(t, 1, nil))
	for range 2 {
		if got := adminGet(t, w, "/healthy"); got != "healthy\n" {
			t.Errorf("got %q", got)
		}
		stop()
	}
}

// within waits for a door's end: idle clients have 2 s.
func within(t *testing.T, gone <-chan struct{}) {
	t.Helper()
	select {
	case <-gone:
	case <-time.After(6 * time.Second):
		t.Fatal("the door waits for nothing")
	}
}

func TestADoorThatCutsConnectionsLetsThemFinish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "door.sock")
	stop := serveDoor(t, path, true)
	w := beginAt(t, path)
	arrived, finish := make(chan struct{}), make(chan struct{})
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-finish
		}
		io.WriteString(rw, "done")
	}))
	slow := make(chan string)
	go func() { _, text := new(browser).get(t, w.url()+"/slow"); slow <- text }()
	<-arrived
	silent, silentReader := dial(t, w) // will never ask
	address := w.Addr("web").String()
	url := w.url()

	gone := make(chan struct{})
	go func() { stop(); close(gone) }()
	for deadline := time.Now().Add(10 * time.Second); !w.entries[0].ebbing.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the proxy is not told that the door goes")
		}
	}
	if resp, text := new(browser).get(t, url); text != "done" || !resp.Close {
		t.Errorf("while the door is about to go: %q, close %t", text, resp.Close)
	}
	var late net.Conn // the last one that is accepted
	for {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			break
		}
		if late != nil {
			late.Close()
		}
		late = c
		time.Sleep(10 * time.Millisecond)
	}
	send(t, late, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(late), nil); err != nil {
		t.Errorf("the last connection: %v", err)
	} else {
		expect(t, resp.Body, "done")
	}
	late.Close()
	if _, err := silentReader.ReadByte(); err != io.EOF {
		t.Errorf("a silent connection ended with %v, not in order", err)
	}
	silent.Close()
	if got := adminGet(t, w, "/ready") + adminGet(t, w, "/healthy"); got != "ready\nhealthy\n" {
		t.Errorf("the proxy says %q", got)
	}
	select {
	case <-gone:
		t.Error("the door did not wait for the last answer")
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if text := <-slow; text != "done" {
		t.Errorf("the slow request got %q", text)
	}
	within(t, gone)

	serveDoor(t, path, true)
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(w.Addr("web").String(), ":"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no socket from the next door")
		}
	}
	if resp, text := new(browser).get(t, w.url()); text != "done" || resp.Close {
		t.Errorf("at the next door: %q, close %t", text, resp.Close)
	}
}

func TestADoorThatCutsConnectionsWaitsForAProxyThatEndsWithIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "door.sock")
	stop := serveDoor(t, path, true)
	w := beginAt(t, path)
	arrived, finish := make(chan struct{}), make(chan struct{})
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish
		io.WriteString(rw, "done")
	}))
	slow := make(chan string)
	go func() { _, text := new(browser).get(t, w.url()); slow <- text }()
	<-arrived
	w.stop()
	gone := make(chan struct{})
	go func() { stop(); close(gone) }()
	select {
	case <-gone:
		t.Error("the door did not wait for the last answer")
	case <-time.After(300 * time.Millisecond):
	}
	close(finish)
	if text := <-slow; text != "done" {
		t.Errorf("the slow request got %q", text)
	}
	within(t, gone)
}
