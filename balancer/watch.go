package balancer

import (
	"context"
	"reflect"
	"sync"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// watch is what runs for one backend: its dials always, its probe if it has one.
type watch struct {
	ctx     context.Context // of the dials and the probe
	stop    context.CancelFunc
	probe   *discovery.Probe // as it is probed now
	unprobe context.CancelFunc
}

// follow stops what s has no more and starts what is new in it.
func (c *Checks) follow(ctx context.Context, all *sync.WaitGroup, watched map[*Backend]*watch, s *Set) {
	for b, w := range watched {
		if e := s.backends[b.Identity()]; e == nil || e.Backend != b || b.Draining() {
			w.stop()
			delete(watched, b)
		}
	}
	for _, e := range s.backends {
		if e.Draining() {
			continue
		}
		w := watched[e.Backend]
		if w == nil {
			w = &watch{unprobe: func() {}}
			w.ctx, w.stop = context.WithCancel(ctx)
			watched[e.Backend] = w
			all.Go(func() { c.attend(w.ctx, e.Backend) })
		}
		if e.now().has(isRunning) {
			c.reprobe(all, w, e)
		}
	}
}

// reprobe makes the probe of a watch what the snapshot says. One whose parameters did not
// change goes on undisturbed.
func (c *Checks) reprobe(all *sync.WaitGroup, w *watch, e *entry) {
	if reflect.DeepEqual(w.probe, e.probe) {
		return
	}
	w.unprobe()
	w.probe, w.unprobe = e.probe, func() {}
	if e.probe == nil {
		return
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.unprobe = stop
	task := e.Task()
	task.Probe = e.probe
	all.Go(func() { c.examine(ctx, e.Backend, task) })
}
