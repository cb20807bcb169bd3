package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy"
)

// The load of a lane: clients that keep their cookies, each one request at a time.
const (
	clientCount = 20
	period      = 100 * time.Millisecond // from one request of a client to its next
	patience    = 10 * time.Second       // of a client with one request
)

// lane is a proxy with clients of its own.
type lane struct {
	name   string
	addr   *net.TCPAddr
	proxy  *proxy.Proxy
	client *http.Client

	mu       sync.Mutex
	tally    tally
	answers  map[string]int64 // by container
	sessions map[string]int   // clients whose last answer came from the container
	failures []failure        // the last few
}

// tally is what a lane's clients count.
type tally struct {
	requests, failed, moves int64
	posts                   int64 // of those that failed: they must not be sent twice
	slow                    int64 // took longer than slow
	slowest                 time.Duration
}

// slow is longer than people wait gladly.
const slow = time.Second

// timed counts a request by what it took.
func (t *tally) timed(took time.Duration) {
	t.requests++
	t.slowest = max(t.slowest, took)
	if took > slow {
		t.slow++
	}
}

// failure is one request that did not get its answer.
type failure struct {
	at  time.Time
	why string
}

// newLane makes a proxy on the first free port of loopback from first to last.
func newLane(name string, source discovery.Source, first, last int, log zerolog.Logger) (*lane, error) {
	l := &lane{name: name, answers: map[string]int64{}, sessions: map[string]int{}}
	l.client = &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: clientCount},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	const entryPoint = "web"
	for port := first; ; port++ {
		config, err := configs.Load([]string{
			"--entrypoints." + entryPoint + ".address=" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
			"--entrypoints." + entryPoint + ".transport.lifecycle.gracetimeout=1s",
		}, nil)
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", name, err)
		}
		config.Admin.Address = "127.0.0.1:0"
		l.proxy, err = proxy.New(proxy.Options{
			Config: config, Source: source, Log: log, Version: "demo",
			Status: func() discovery.Status { return discovery.Status{Seen: time.Now()} },
		})
		if errors.Is(err, syscall.EADDRINUSE) && port < last {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("lane %s: %w", name, err)
		}
		l.addr = l.proxy.Addr(entryPoint).(*net.TCPAddr) // as it listens on tcp
		return l, nil
	}
}

// load runs the clients until ctx ends, or the proxy has.
func (l *lane) load(ctx context.Context, ended <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		select {
		case <-ended:
			return fmt.Errorf("lane %s: its proxy has ended", l.name)
		case <-ctx.Done():
			return nil
		}
	})
	for i := range clientCount {
		g.Go(func() error {
			newSession(l, i).run(ctx)
			return nil
		})
	}
	err := g.Wait()
	l.client.CloseIdleConnections()
	return err
}

// answered counts a request that container answered, after the same client's last one from before
// ("" if it is its first).
func (l *lane) answered(container, before string, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.timed(took)
	l.answers[container]++
	if container == before {
		return
	}
	l.sessions[container]++
	if before != "" {
		l.tally.moves++
		if l.sessions[before]--; l.sessions[before] == 0 {
			delete(l.sessions, before)
		}
	}
}

// lost counts a request that got no answer, or a wrong one.
func (l *lane) lost(method, why string, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.timed(took)
	l.tally.failed++
	if method == http.MethodPost {
		l.tally.posts++
	}
	const few = 5
	l.failures = append(l.failures, failure{at: time.Now(), why: method + ": " + why})
	l.failures = l.failures[max(0, len(l.failures)-few):]
}

// laneView is a lane at one moment.
type laneView struct {
	name     string
	addr     string
	tally    tally
	answers  map[string]int64
	sessions map[string]int
	failures []failure
}

func (l *lane) view() laneView {
	l.mu.Lock()
	defer l.mu.Unlock()
	return laneView{name: l.name, addr: l.addr.String(), tally: l.tally, answers: maps.Clone(l.answers),
		sessions: maps.Clone(l.sessions), failures: slices.Clone(l.failures)}
}
