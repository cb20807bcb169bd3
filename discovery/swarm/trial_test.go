package swarm

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Tasks of the recorded cluster.
const (
	web1, web2 = "1riudxyqqwpe", "xnd6msf913bo"
	next1      = "2ec2"
)

// trial is a Source at work in a synctest bubble.
type trial struct {
	*Source
	f   *fake
	log *syncBuffer

	mu      sync.Mutex
	applied []discovery.Snapshot
	looked  int // for its own task: once a conversion, while it is not found
}

func begin(t *testing.T, f *fake, self Self) *trial {
	t.Helper()
	x := &trial{f: f, log: &syncBuffer{}}
	s, err := New(Options{Self: func() Self { x.mu.Lock(); defer x.mu.Unlock(); x.looked++; return self }, Log: zerolog.New(x.log), dial: f.pipes(), lookup: f.lookup})
	if err != nil {
		t.Fatal(err)
	}
	x.Source = s
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx, x.apply); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return x
}

func (x *trial) apply(s discovery.Snapshot) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.applied = append(x.applied, s)
}

func (x *trial) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.applied)
}

func (x *trial) latest(t *testing.T) discovery.Snapshot {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.applied) == 0 {
		t.Fatal("nothing was applied")
	}
	return x.applied[len(x.applied)-1]
}

// state of a task in the latest snapshot, "" if it is not there.
func (x *trial) state(t *testing.T, id string) string {
	t.Helper()
	for _, s := range x.latest(t).Services {
		for _, k := range s.Tasks {
			if strings.HasPrefix(k.ID, id) {
				return k.State.String()
			}
		}
	}
	return ""
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSpace(b.b.String()), "\n")
}

func (f *fake) full(t *testing.T, list, prefix string) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, raw := range f.lists[list] {
		if _, after, ok := strings.Cut(string(raw), `"`+prefix); ok {
			rest, _, _ := strings.Cut(after, `"`)
			return prefix + rest
		}
	}
	t.Fatalf("no %s in %s", prefix, list)
	return ""
}

func pause(d time.Duration) {
	time.Sleep(d) // of the bubble's clock
	synctest.Wait()
}

func (f *fake) container(t *testing.T, task string) string {
	t.Helper()
	var id string
	edit(f, "tasks", f.full(t, "tasks", task), func(k *swarm.Task) { id = k.Status.ContainerStatus.ContainerID })
	return id
}
