package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func probed(hostPort string, p discovery.Probe) discovery.Task {
	t := task(1, hostPort)
	if p.Method == "" {
		p.Method = "GET"
	}
	t.Probe = &p
	return t
}

func TestAProbeAsksAsTheLabelsSay(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/broken", http.StatusFound)
		case r.URL.Path == "/who" && r.Method == "HEAD" && r.Host == "shop.example" && r.Header.Get("X-Key") == "k":
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Path == "/health" && r.URL.RawQuery == "full=1":
			w.WriteHeader(http.StatusOK)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer s.Close()
	host, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	var n int
	fmt.Sscan(port, &n)
	ask := prober(&tls.Config{})
	for name, c := range map[string]struct {
		task discovery.Task
		want string // part of the error; "" for none
	}{
		"path and query":     {probed(host+":"+port, discovery.Probe{Path: "/health?full=1"}), ""},
		"another port":       {probed(host+":1", discovery.Probe{Path: "/health?full=1", Port: n}), ""},
		"method, host, head": {probed(host+":"+port, discovery.Probe{Path: "/who", Method: "HEAD", Hostname: "shop.example", Headers: map[string]string{"X-Key": "k"}}), ""},
		"status":             {probed(host+":"+port, discovery.Probe{Path: "/health?full=1", Status: 204}), "answered 200, not 204"},
		"status that fits":   {probed(host+":"+port, discovery.Probe{Path: "/broken", Status: 500}), ""},
		"error":              {probed(host+":"+port, discovery.Probe{Path: "/broken"}), "answered 500"},
		"redirect":           {probed(host+":"+port, discovery.Probe{Path: "/moved"}), ""},
		"redirect, followed": {probed(host+":"+port, discovery.Probe{Path: "/moved", FollowRedirects: true}), "answered 500"},
		"nobody there":       {probed("127.0.0.1:1", discovery.Probe{Path: "/"}), "refused"},
	} {
		err := ask(t.Context(), c.task)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAProbeEndsWithItsContext(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := prober(&tls.Config{})(ctx, probed(strings.TrimPrefix(s.URL, "http://"), discovery.Probe{Path: "/"})); err == nil {
		t.Error("no error")
	}
}

func TestAGRPCProbeAsksTheStandardHealthService(t *testing.T) {
	const serving, notServing = "\x00\x00\x00\x00\x02\x08\x01", "\x00\x00\x00\x00\x02\x08\x02"
	var message, status atomic.Value
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.ProtoMajor != 2 || r.Method != "POST" || r.URL.Path != "/grpc.health.v1.Health/Check" ||
			r.Header.Get("Content-Type") != "application/grpc" || string(body) != "\x00\x00\x00\x00\x00" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		io.WriteString(w, message.Load().(string))
		w.Header().Set("Grpc-Status", status.Load().(string))
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	ask := prober(&tls.Config{})
	target := probed(strings.TrimPrefix(s.URL, "http://"), discovery.Probe{Mode: "grpc"})
	for _, c := range []struct{ message, status, want string }{
		{serving, "0", ""},
		{notServing, "0", "does not say SERVING"},
		{"", "12", `gRPC status "12"`},
	} {
		message.Store(c.message)
		status.Store(c.status)
		err := ask(t.Context(), target)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q, %s: %v, want %q", c.message, c.status, err, c.want)
		}
	}
}

func TestABackendWhoseProbeFailsGetsNoRequestAndNoneAtAllIs503(t *testing.T) {
	var broken [3]atomic.Bool
	w := begin(t)
	var tasks []discovery.Task
	for n := 1; n <= 2; n++ {
		b := replica(t, n, func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/health" && broken[n].Load() {
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			fmt.Fprint(rw, n)
		})
		b.Probe = &discovery.Probe{Path: "/health", Method: "GET", Interval: 20 * time.Millisecond, UnhealthyInterval: 20 * time.Millisecond, Timeout: time.Second}
		tasks = append(tasks, b)
	}
	w.see(discovery.Service{}, tasks...)
	until := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			seen := map[string]bool{}
			for range 4 {
				resp, text := new(browser).get(t, w.url())
				if resp.StatusCode != http.StatusOK {
					text = fmt.Sprint(resp.StatusCode)
				}
				seen[text] = true
			}
			if got := fmt.Sprint(seen); got == want {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("answers %s, want %s", got, want)
			}
		}
	}
	until("map[1:true 2:true]")
	broken[1].Store(true)
	until("map[2:true]")
	broken[2].Store(true)
	until("map[503:true]")
	broken[1].Store(false)
	until("map[1:true]")
}
