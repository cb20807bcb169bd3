package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// chat is a backend whose WebSockets say their task's number and then echo; its other paths are streams of events.
func chat(t *testing.T, n int) discovery.Task {
	return replica(t, n, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			for r.Context().Err() == nil {
				fmt.Fprint(rw, "tick")
				rw.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
			return
		}
		c, err := websocket.Accept(rw, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		text := []byte(fmt.Sprint(n))
		for err == nil {
			if err = c.Write(context.Background(), websocket.MessageText, text); err == nil {
				_, text, err = c.Read(context.Background())
			}
		}
	})
}

// talk is a client's side of a WebSocket.
type talk struct {
	*websocket.Conn
	task string
	end  chan websocket.StatusCode // what it was closed with
	at   time.Time                 // when
}

func (w *world) talk(path string) *talk {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, w.url()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.CloseNow() })
	k := &talk{Conn: c, end: make(chan websocket.StatusCode, 1)}
	k.task = k.hear(w.t)
	return k
}

func (k *talk) hear(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, text, err := k.Read(ctx)
	if err != nil {
		t.Fatalf("a stream of task %s: %v", k.task, err)
	}
	return string(text)
}

// goesOn checks that the stream is as good as ever.
func (k *talk) goesOn(t *testing.T) {
	t.Helper()
	if err := k.Write(t.Context(), websocket.MessageText, []byte("still there?")); err != nil {
		t.Fatalf("a stream of task %s: %v", k.task, err)
	}
	if text := k.hear(t); text != "still there?" {
		t.Fatalf("a stream of task %s said %q", k.task, text)
	}
}

// listen reads until the stream ends; see end.
func (k *talk) listen() {
	for {
		if _, _, err := k.Read(context.Background()); err != nil {
			k.at = time.Now()
			k.end <- websocket.CloseStatus(err)
			return
		}
	}
}

// wantGoodbyes waits until all have been closed with the code, and not all at the same time.
func wantGoodbyes(t *testing.T, all []*talk, code websocket.StatusCode) {
	t.Helper()
	var first, last time.Time
	for _, k := range all {
		select {
		case got := <-k.end:
			if got != code {
				t.Errorf("a client of task %s saw %v, want %v", k.task, got, code)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("a client of task %s was not told", k.task)
		}
		if first.IsZero() || k.at.Before(first) {
			first = k.at
		}
		if k.at.After(last) {
			last = k.at
		}
	}
	t.Logf("%d clients were told over %v", len(all), last.Sub(first))
	if last.Sub(first) < 200*time.Millisecond {
		t.Errorf("all %d were told within %v", len(all), last.Sub(first))
	}
}

func TestOnlyTheStreamsOfATaskThatDrainsAreToldToGo(t *testing.T) {
	w := begin(t)
	leaving, stays, others := chat(t, 1), chat(t, 2), chat(t, 3)
	cluster := func(services ...discovery.Service) {
		w.apply(discovery.Snapshot{
			Cluster: "test",
			Routers: []discovery.Router{
				{Name: "app", Rule: "PathPrefix(`/app`)", Service: "app"},
				{Name: "other", Rule: "PathPrefix(`/other`)", Service: "other"},
			},
			Services: services,
		})
	}
	service := func(name string, tasks ...discovery.Task) discovery.Service {
		return discovery.Service{Name: name, PassHostHeader: true, Tasks: tasks}
	}
	cluster(service("app", leaving, stays), service("other", others))
	var told, untouched []*talk
	for range 50 {
		if k := w.talk("/app"); k.task == "1" {
			told = append(told, k)
		} else {
			untouched = append(untouched, k)
		}
	}
	untouched = append(untouched, w.talk("/other"))
	if len(told) != 25 {
		t.Fatalf("%d streams of 50 are task 1's", len(told))
	}
	events := make(chan io.ReadCloser)
	for range 2 {
		go func() {
			resp, err := http.Get(w.url() + "/app")
			if err != nil {
				t.Error(err)
			}
			events <- resp.Body
		}()
	}
	sse := []io.ReadCloser{<-events, <-events} // one each of task 1 and 2

	heavy := stays
	heavy.Weight = 7
	cluster(service("app", leaving, heavy)) // other weights, and a service that loses its labels
	for _, k := range append(told, untouched...) {
		k.goesOn(t)
	}
	leaving.State = discovery.Leaving
	for _, k := range told {
		go k.listen()
	}
	cluster(service("app", leaving, heavy), service("other", others))
	wantGoodbyes(t, told, websocket.StatusServiceRestart)
	for _, k := range untouched {
		k.goesOn(t)
	}
	for _, body := range sse {
		if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
			t.Errorf("a stream of events ended: %v", err)
		}
		body.Close()
	}
	if got := adminGet(t, w, "/metrics"); !strings.Contains(got, `fairlead_websockets_told_total{reason="drain",service="app"} 25`) {
		t.Error("the metrics do not count 25 goodbyes")
	}
	for !strings.Contains(w.log.String(), `"task":"app.1","node":"node-1","why":"drain","streams":25,"message":"WebSockets were told to go"`) {
		time.Sleep(10 * time.Millisecond)
	}
}

func TestTheProxysEndSaysGoingAwayToEachWebSocket(t *testing.T) {
	w := begin(t, "--entrypoints.web.transport.lifecycle.gracetimeout=6s")
	w.see(discovery.Service{}, chat(t, 1), chat(t, 2))
	var all []*talk
	for range 20 {
		all = append(all, w.talk(""))
		go all[len(all)-1].listen()
	}
	began := time.Now()
	w.stop()
	wantGoodbyes(t, all, websocket.StatusGoingAway)
	err := <-w.ended
	w.ended <- err
	if took := time.Since(began); took > 5500*time.Millisecond {
		t.Errorf("the end took %v though all had gone", took)
	}
}

func TestClientsOfABackendThatVanishesAreToldToComeBack(t *testing.T) {
	for name, vanish := range map[string]func(*net.TCPConn){
		"with an end":  func(c *net.TCPConn) { c.Close() },
		"with a reset": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"half an end":  func(c *net.TCPConn) { c.CloseWrite(); io.Copy(io.Discard, c) },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			gone := make(chan struct{})
			w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
				h := &hijacked{ResponseWriter: rw}
				c, err := websocket.Accept(h, r, nil)
				if err == nil {
					c.Write(context.Background(), websocket.MessageText, []byte("1"))
					<-gone
					vanish(h.conn)
				}
			}))
			var all []*talk
			for range 10 {
				all = append(all, w.talk(""))
				go all[len(all)-1].listen()
			}
			close(gone)
			wantGoodbyes(t, all, websocket.StatusServiceRestart)
		})
	}
}

// hijacked keeps the connection that is taken over.
type hijacked struct {
	http.ResponseWriter
	conn *net.TCPConn
}

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err == nil {
		h.conn = c.(*net.TCPConn)
	}
	return c, rw, err
}

func TestAGoodbyeBreaksNoMessageOfABusyStream(t *testing.T) {
	w := begin(t)
	message := bytes.Repeat([]byte("a message that is longer than a buffer, "), 5000)
	for i, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionNoContextTakeover} {
		backend := replica(t, i, func(rw http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(rw, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionNoContextTakeover})
			if err != nil {
				t.Error(err)
				return
			}
			for ctx := c.CloseRead(context.Background()); err == nil; {
				err = c.Write(ctx, websocket.MessageBinary, message)
			}
		})
		w.see(discovery.Service{}, backend)
		c, _, err := websocket.Dial(t.Context(), w.url(), &websocket.DialOptions{CompressionMode: mode})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for read := 0; ; read++ {
			if read == 3 {
				backend.State = discovery.Leaving
				w.see(discovery.Service{}, backend)
			}
			_, got, err := c.Read(t.Context())
			var closed websocket.CloseError
			if errors.As(err, &closed) && closed.Code == websocket.StatusServiceRestart && read > 3 {
				break
			}
			if err != nil || !bytes.Equal(got, message) {
				t.Fatalf("message %d of %d bytes: %v", read, len(got), err)
			}
		}
	}
}

func TestTunnelsOfOtherProtocolsAreNotToldToGo(t *testing.T) {
	w := begin(t, "--entrypoints.web.http.upgrades=other,websocket")
	backend := raw(t, 1, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		io.Copy(c, c)
	})
	w.see(discovery.Service{}, backend)
	c, r := dial(t, w)
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	backend.State = discovery.Leaving
	w.see(discovery.Service{}, backend)
	time.Sleep(3 * time.Second) // longer than WebSockets are told over: nothing happens
	send(t, c, "still there?")
	expect(t, r, "still there?")
	c.Close()
}
