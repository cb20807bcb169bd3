package upstream

import (
	"context"
	"errors"
	"sync"
	"time"
)

// lastWait is how long a Read may wait for a backend that nobody answers for any more: packets that
// it sent before its end may still be on their way.
const lastWait = time.Second

var errGone = errors.New("its task has ended, or its node is down")

// live are all the connections of a host that are open, so that all may be told of its end.
type live struct {
	gone    context.Context // ends when the backend is abandoned; dials end with it
	abandon func()

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func (l *live) init() {
	l.conns = make(map[*conn]struct{})
	gone, end := context.WithCancelCause(context.Background())
	l.gone = gone
	l.abandon = func() {
		end(errGone)
		l.mu.Lock()
		defer l.mu.Unlock()
		for c := range l.conns {
			c.hurry()
		}
	}
}

func (l *live) add(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
}

func (l *live) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}
