package load

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// honest answers as e2e/app does.
func honest(by string, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%s%s\n%s", Greeting, by, Echo(r.URL.Query().Get("id"), body))
}

// runOn puts load on the handler until it has had a number of requests.
func runOn(t *testing.T, requests int64, h http.HandlerFunc) Report {
	t.Helper()
	var served atomic.Int64
	enough := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1) == requests {
			close(enough)
		}
		h(w, r)
	}))
	defer s.Close()
	run := Start(t.Context(), Options{URL: s.URL + "/", Clients: 4, Passers: 1, Pause: time.Millisecond, Echo: true})
	<-enough
	return run.Stop()
}

func TestAnHonestAppFailsNoRequest(t *testing.T) {
	report := runOn(t, 200, func(w http.ResponseWriter, r *http.Request) { honest("a", w, r) })
	if failed := report.Failed(); len(failed) > 0 {
		t.Errorf("failed: %v", failed[0])
	}
	if n := report.Served()["a"]; n < 200 || n != len(report.Records) {
		t.Errorf("a served %d of %d", n, len(report.Records))
	}
	posts := 0
	for _, r := range report.Records {
		if r.Method == http.MethodPost {
			posts++
		}
	}
	if share := float64(posts) / float64(len(report.Records)); share < 0.1 || share > 0.5 {
		t.Errorf("%d of %d are POSTs", posts, len(report.Records))
	}
	if len(report.Moves()) != 4 {
		t.Errorf("moves of %d clients are known, want 4", len(report.Moves()))
	}
}

func TestWhatIsLostIsSeen(t *testing.T) {
	for name, spoil := range map[string]http.HandlerFunc{
		"an error of the proxy": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "502 Bad Gateway", http.StatusBadGateway) },
		"a missing route":       http.NotFound,
		"a cut connection":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a cut answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, Greeting+"a")
		},
		"an answer to another request": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, Greeting+"a\n"+Echo("r9-9", nil))
		},
		"a body that came twice": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, Greeting+"a\n"+Echo(r.URL.Query().Get("id"), append(body, append(body, 'x')...)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			report := runOn(t, 60, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 30 {
					spoil(w, r)
					return
				}
				honest("a", w, r)
			})
			if failed := report.Failed(); len(failed) != 1 {
				t.Errorf("%d failed, want 1: %v", len(failed), failed)
			}
		})
	}
}

func TestAConnectionClosedUnderARequestIsSeen(t *testing.T) {
	var known sync.Map
	var dropped atomic.Int64
	report := runOn(t, 100, func(w http.ResponseWriter, r *http.Request) {
		if _, again := known.LoadOrStore(r.RemoteAddr, true); again {
			// A kept connection ends without a word: net/http's client would send a GET again, unseen.
			dropped.Add(1)
			panic(http.ErrAbortHandler)
		}
		honest("a", w, r)
	})
	if failed := int64(len(report.Failed())); failed == 0 || failed != dropped.Load() {
		t.Errorf("%d requests are known to have failed, %d had their connection closed", failed, dropped.Load())
	}
}

func TestAMoveIsCountedOnce(t *testing.T) {
	var n atomic.Int64
	report := runOn(t, 200, func(w http.ResponseWriter, r *http.Request) {
		by := "old"
		if n.Add(1) > 100 {
			by = "new"
		}
		honest(by, w, r)
	})
	for client, moves := range report.Moves() {
		if moves != 1 {
			t.Errorf("client %d moved %d times, want once", client, moves)
		}
	}
	middle := report.Records[len(report.Records)-1].End
	for client, home := range report.Homes(middle) {
		if client != Passer && home != "new" {
			t.Errorf("client %d is at %s at the end", client, home)
		}
	}
}

func TestAWebSocketMayBeToldToGoButNotCut(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*Socket) error
		failed bool
	}{
		"told to go":                {func(s *Socket) error { return s.Leave(1012) }, false},
		"closed as if it had ended": {func(s *Socket) error { return s.Leave(1000) }, true},
		"cut":                       {func(*Socket) error { return nil }, true},
		"answered by another":       {func(s *Socket) error { return s.Send("b x") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			sockets := make(chan bool, 100)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				socket, err := Accept(w)
				if err != nil {
					t.Error(err)
					return
				}
				defer socket.Close()
				for range 3 {
					text, err := socket.Receive(time.Minute)
					if err != nil {
						return // the end of the run
					}
					if err := socket.Send("a " + text); err != nil {
						return
					}
				}
				c.end(socket)
				sockets <- true
			}))
			defer s.Close()
			run := Start(t.Context(), Options{URL: s.URL + "/", Talkers: 1, Pause: time.Millisecond})
			for range 3 {
				<-sockets
			}
			report := run.Stop()
			if ended := report.Between(time.Time{}, report.Records[2].End); len(ended.Failed()) > 0 != c.failed {
				t.Errorf("%d of %d are known to have failed: %v", len(ended.Failed()), len(ended.Records), ended.Records)
			}
		})
	}
}
