package forward

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/upstream"
)

// waiting is a service whose only task starts, with a proxy before it.
type waiting struct {
	*httptest.Server
	set  atomic.Pointer[balancer.Set]
	held chan int // tells of each request that begins to wait or ends it
}

func (w *waiting) Answered(int, time.Duration) {}
func (w *waiting) Retried()                    {}
func (w *waiting) Moved(string)                {}
func (w *waiting) Told(string)                 {}
func (w *waiting) Held(delta int)              { w.held <- delta }

// adopt makes the task what it is now.
func (w *waiting) adopt(state discovery.State, address string) {
	t := discovery.Task{ID: "t1", Seat: "1", State: state, Weight: 1, Checked: true, Address: discovery.Address{Scheme: "http", HostPort: address}}
	s := balancer.Build(discovery.Snapshot{Services: []discovery.Service{{Name: "shop", Tasks: []discovery.Task{t}}}}, w.set.Load(),
		balancer.Options{Link: func(t discovery.Task) balancer.Link { return upstream.New(t.Address, nil) }})
	w.set.Store(s)
	s.Adopt(func() {})
}

func startWaiting(t *testing.T, address string) *waiting {
	w := &waiting{held: make(chan int, 16)}
	w.adopt(discovery.Starting, address)
	f := New(Options{
		Service:  func(string) *Service { return &Service{Name: "shop", Pool: w.set.Load().Pool("shop"), Observer: w} },
		Changed:  func() <-chan struct{} { return w.set.Load().Changed() },
		HoldTime: time.Minute, HoldRequests: 8,
	})
	w.Server = httptest.NewServer(f.Handler("shop"))
	t.Cleanup(w.Close)
	return w
}

func (w *waiting) wantHeld(t *testing.T, delta int) {
	t.Helper()
	select {
	case got := <-w.held:
		if got != delta {
			t.Fatalf("held %d, want %d", got, delta)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("waited in vain for held %d", delta)
	}
}

func TestAClientThatLeavesInTheMiddleOfItsBodyFreesItsPlace(t *testing.T) {
	for _, method := range []string{"POST", "PUT"} {
		w := startWaiting(t, "127.0.0.1:1")
		c, err := net.Dial("tcp", w.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nthe beginning", method)
		w.wantHeld(t, 1)
		c.Close()
		w.wantHeld(t, -1)
	}
}

func TestABodyThatWasReadAheadArrivesWhole(t *testing.T) {
	const size = 3 * spoolLimit // more than may be kept
	got := make(chan int, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- strings.Count(string(body), "x")
	}))
	defer app.Close()
	w := startWaiting(t, app.Listener.Addr().String())
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Post(w.URL, "text/plain", strings.NewReader(strings.Repeat("x", size)))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				err = fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		answered <- err
	}()
	w.wantHeld(t, 1)
	w.adopt(discovery.Running, app.Listener.Addr().String())
	w.wantHeld(t, -1)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if n := <-got; n != size {
		t.Errorf("%d bytes arrived, want %d", n, size)
	}
}

// What waits for the client's next byte when there is nothing to wait for any more is ended.
func TestARequestThatIsRefusedDoesNotWaitForItsBody(t *testing.T) {
	w := startWaiting(t, "127.0.0.1:1")
	c, err := net.Dial("tcp", w.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nthe beginning")
	w.wantHeld(t, 1)
	w.adopt(discovery.Leaving, "127.0.0.1:1")
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 503 ") || !strings.Contains(string(answer), "Connection: close") {
		t.Errorf("answer is %q, %v", answer, err)
	}
}
