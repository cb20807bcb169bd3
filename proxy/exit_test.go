package proxy

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestTheProxysEndLetsEverythingFinish(t *testing.T) {
	w := begin(t)
	arrived, finish := make(chan struct{}), make(chan struct{})
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-finish
		}
		io.WriteString(rw, "done")
	}))
	idle, idleReader := dial(t, w) // has had an answer, and will ask again
	ask := func(c net.Conn) { send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
	ask(idle)
	if resp, err := http.ReadResponse(idleReader, nil); err != nil || resp.Close {
		t.Fatalf("%v, %v", resp, err)
	} else {
		expect(t, resp.Body, "done")
	}
	silent, silentReader := dial(t, w) // will never ask at all
	slow := make(chan string)
	go func() { _, text := new(browser).get(t, w.url()+"/slow"); slow <- text }()
	<-arrived

	w.stop()
	<-w.leaving
	if got := adminGet(t, w, "/ready"); got != "leaving\n" {
		t.Errorf("/ready: %q", got)
	}
	ask(idle)
	resp, err := http.ReadResponse(idleReader, nil)
	if err != nil || !resp.Close {
		t.Fatalf("a request on an idle connection got %v, %v", resp, err)
	}
	expect(t, resp.Body, "done")
	if _, err := idleReader.ReadByte(); err != io.EOF {
		t.Errorf("then %v", err)
	}
	idle.Close()
	if _, err := silentReader.ReadByte(); err != io.EOF {
		t.Errorf("a silent connection ended with %v, not in order", err)
	}
	silent.Close()
	select {
	case err := <-w.ended:
		t.Fatalf("ended (%v) with a request under way", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if text := <-slow; text != "done" {
		t.Errorf("the slow request got %q", text)
	}
	err = <-w.ended
	w.ended <- err
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestAProxyThatTheClusterStopsGoesOnAnsweringAndSaysClose(t *testing.T) {
	w := begin(t)
	w.apply(discovery.Snapshot{
		Leaving:  true,
		Routers:  []discovery.Router{{Name: "all", Rule: "PathPrefix(`/`)", Service: "app"}},
		Services: []discovery.Service{{Name: "app", Tasks: []discovery.Task{replica(t, 1, nil)}}},
	})
	for range 3 {
		resp, text := new(browser).get(t, w.url())
		if text != "1" || !resp.Close {
			t.Errorf("%q, close %v", text, resp.Close)
		}
	}
	if got := adminGet(t, w, "/ready") + adminGet(t, w, "/healthy"); got != "leaving\nhealthy\n" {
		t.Errorf("got %q", got)
	}
}

func TestAcceptingGoesOnForAsLongAsTheOptionsSay(t *testing.T) {
	w := begin(t, "--entrypoints.web.transport.lifecycle.requestacceptgracetimeout=500ms")
	w.see(discovery.Service{}, replica(t, 1, nil))
	began := time.Now()
	w.stop()
	<-w.leaving
	for time.Since(began) < 300*time.Millisecond {
		if _, text := new(browser).get(t, w.url()); text != "1" {
			t.Fatalf("got %q", text)
		}
	}
	err := <-w.ended
	w.ended <- err
	if _, err := net.Dial("tcp", w.Addr("web").String()); err == nil {
		t.Error("still accepts after its end")
	}
}

func TestTheEndDoesNotWaitForEver(t *testing.T) {
	w := begin(t, "--entrypoints.web.transport.lifecycle.gracetimeout=200ms")
	arrived := make(chan struct{})
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	failed := make(chan error)
	go func() {
		resp, err := http.Get(w.url())
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	<-arrived
	w.stop()
	err := <-w.ended
	w.ended <- err
	if err := <-failed; err == nil {
		t.Error("an answer that never came was received")
	}
}

func TestATakenPortIsNamedWithItsCure(t *testing.T) {
	w := begin(t)
	_, err := listen("web", w.Addr("web").String())
	if err == nil || !strings.Contains(err.Error(), "taken by another process") || !strings.Contains(err.Error(), "--entrypoints.web.address") {
		t.Errorf("got %v", err)
	}
}
