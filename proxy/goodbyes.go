package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// goodbyes gathers which streams were told to go, so that a drain makes one line of the log and not
// one for each of its streams.
type goodbyes struct {
	out   zerolog.Logger
	mu    sync.Mutex
	said  map[parting]int
	first chan struct{} // holds a token when there is something to log
}

// A parting is what streams have in common that are logged together.
type parting struct{ task, node, why string }

func newGoodbyes(log zerolog.Logger) *goodbyes {
	return &goodbyes{out: log, said: map[parting]int{}, first: make(chan struct{}, 1)}
}

// add notes that the client of a stream to the task was told to go.
func (g *goodbyes) add(t discovery.Task, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said[parting{t.Name, t.Node, why}]++
	select {
	case g.first <- struct{}{}:
	default:
	}
}

// log writes what was gathered, until ctx ends.
func (g *goodbyes) log(ctx context.Context) error {
	const together = 3 * time.Second // longer than the clients of one backend are told over
	for ctx.Err() == nil {
		select {
		case <-g.first:
			sleep(ctx, together)
		case <-ctx.Done():
		}
		g.flush()
	}
	return nil
}

func (g *goodbyes) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for b, n := range g.said {
		g.out.Info().Str("task", b.task).Str("node", b.node).Str("why", b.why).Int("streams", n).Msg("WebSockets were told to go")
	}
	clear(g.said)
}
