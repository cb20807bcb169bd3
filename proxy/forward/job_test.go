package forward

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/upstream"
)

// silent is an Observer that nobody asks.
type silent struct{}

func (silent) Answered(int, time.Duration) {}
func (silent) Retried()                    {}
func (silent) Moved(string)                {}
func (silent) Held(int)                    {}
func (silent) Told(string)                 {}

// served is a forwarder, within synctest, before tasks whose connections are each treated by serve.
func served(tasks int, serve func(task string, c net.Conn)) http.Handler {
	var snapshot discovery.Snapshot
	service := discovery.Service{Name: "shop"}
	for i := range tasks {
		service.Tasks = append(service.Tasks, discovery.Task{ID: fmt.Sprint("t", i), Seat: discovery.Seat(fmt.Sprint(i)), State: discovery.Running,
			Weight: 1, Checked: true, Address: discovery.Address{Scheme: "http", HostPort: fmt.Sprintf("10.0.0.%d:80", i)}})
	}
	snapshot.Services = []discovery.Service{service}
	set := balancer.Build(snapshot, nil, balancer.Options{Link: func(t discovery.Task) balancer.Link {
		return upstream.New(t.Address, &upstream.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go serve(t.ID, theirs)
			return ours, nil
		}})
	}})
	set.Adopt(func() {})
	f := New(Options{
		Service: func(string) *Service { return &Service{Name: "shop", Pool: set.Pool("shop"), Observer: silent{}} },
		Changed: set.Changed,
	})
	return f.Handler("shop")
}

func TestHowLongATryHungDoesNotCountAgainstTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := served(2, func(_ string, c net.Conn) {
			defer c.Close()
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			if asked++; asked == 1 {
				time.Sleep(time.Minute) // and then it is killed
				return
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		})
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		h.ServeHTTP(w, WithRecord(r, NewRecord(r, time.Now())))
		if w.Code != http.StatusOK || asked != 2 {
			t.Errorf("answered %d after %d tries", w.Code, asked)
		}
	})
}

func TestNoTryBeginsLongAfterTheFirstFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := served(maxTries, func(_ string, c net.Conn) {
			defer c.Close()
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				asked++
				time.Sleep(tryTime/2 + time.Second)
			}
		})
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		h.ServeHTTP(w, WithRecord(r, NewRecord(r, time.Now())))
		if w.Code != http.StatusBadGateway || asked != 3 {
			t.Errorf("answered %d after %d tries, want %d after 3", w.Code, asked, http.StatusBadGateway)
		}
	})
}
