package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"testing"
	"time"
)

// A life is what a watch saw of one task. Times are the engine's own; zero: did not happen while
// watched.
type life struct {
	task
	runs    time.Time // its state became RUNNING; with a health check that means healthy
	leaves  time.Time // its desired state went past RUNNING
	stopped time.Time // the engine sent SIGTERM
}

// A watch follows the tasks of a service from its start to its stop.
type watch struct {
	e       *engine
	service string
	cancel  context.CancelFunc
	all     sync.WaitGroup

	mu    sync.Mutex
	lives map[string]*life     // by task id
	kills map[string]time.Time // SIGTERMs by container
	err   error
}

func startWatch(t *testing.T, e *engine, service string) *watch {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{e: e, service: service, cancel: cancel, lives: map[string]*life{}, kills: map[string]time.Time{}}
	w.all.Go(func() { w.fail(ctx, w.poll(ctx)) })
	w.all.Go(func() { w.fail(ctx, w.listen(ctx)) })
	return w
}

// stop returns the lives of the tasks that had a container.
func (w *watch) stop(t *testing.T) []life {
	t.Helper()
	w.cancel()
	w.all.Wait()
	if w.err != nil {
		t.Fatalf("watch of %s: %v", w.service, w.err)
	}
	var lives []life
	for _, l := range w.lives {
		if l.container() != "" {
			l.stopped = w.kills[l.container()]
			lives = append(lives, *l)
		}
	}
	return lives
}

func (w *watch) fail(ctx context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() == nil {
		w.err = errors.Join(w.err, err)
	}
}

// poll lists the tasks again and again. The engine notes the time of a task's last change itself,
// so it is enough to look more often than a task changes.
func (w *watch) poll(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		tasks, err := w.e.tasks(ctx, w.service)
		if err != nil {
			return err
		}
		w.learn(tasks)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *watch) learn(tasks []task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range tasks {
		l := w.lives[k.ID]
		if l == nil {
			l = &life{}
			w.lives[k.ID] = l
		}
		l.task = k
		if l.runs.IsZero() && k.Status.State == "running" {
			l.runs = k.Status.Timestamp
		}
		if l.leaves.IsZero() && k.leaving() {
			l.leaves = k.UpdatedAt
		}
	}
}

// listen notes when the engine sends SIGTERM to a container of the service.
func (w *watch) listen(ctx context.Context) error {
	resp, err := w.e.get(ctx, "/events", map[string][]string{
		"type": {"container"}, "event": {"kill"}, "label": {"com.docker.swarm.service.name=" + w.service},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var event struct {
			Actor struct {
				ID         string
				Attributes map[string]string
			}
			TimeNano int64
		}
		if err := d.Decode(&event); err != nil {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		if event.Actor.Attributes["signal"] == "15" {
			w.mu.Lock()
			w.kills[short(event.Actor.ID)] = time.Unix(0, event.TimeNano)
			w.mu.Unlock()
		}
	}
}
