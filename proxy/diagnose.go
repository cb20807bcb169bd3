package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/proxy/diagnosis"
	"github.com/fairlead-proxy/fairlead/proxy/upstream"
)

// diagnose looks every second why services lack ready backends, until ctx ends.
func (p *Proxy) diagnose(ctx context.Context) error {
	doctor := diagnosis.New()
	for ctx.Err() == nil {
		p.troubles.replace(doctor.Look(p.view(), time.Now()))
		sleep(ctx, time.Second)
	}
	return nil
}

// view is how things stand at the moment.
func (p *Proxy) view() diagnosis.View {
	v := diagnosis.View{
		Pools:  p.pools(),
		Nodes:  *p.nodes.Load(),
		Held:   func(service string) int { return p.metrics.Service(service).Waiting() },
		Choked: map[string]bool{},
	}
	for _, pool := range v.Pools {
		for _, b := range pool.Backends {
			if host, ok := b.Link.(*upstream.Host); ok && b.State == "ready" && host.Choked() {
				v.Choked[b.Task.ID] = true
			}
		}
	}
	return v
}

// troubles are those found last. They are logged when they begin, change and end.
type troubles struct {
	log zerolog.Logger
	mu  sync.Mutex
	now []diagnosis.Finding
}

// list is a line for each.
func (ts *troubles) list() []string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var lines []string
	for _, f := range ts.now {
		lines = append(lines, f.String())
	}
	return lines
}

func (ts *troubles) replace(next []diagnosis.Finding) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	before := map[string]diagnosis.Finding{}
	for _, f := range ts.now {
		before[f.Service] = f
	}
	for _, f := range next {
		if old, known := before[f.Service]; !known || !f.Same(old) {
			ts.log.Warn().Str("service", f.Service).Msg(f.String())
		}
		delete(before, f.Service)
	}
	for _, f := range before {
		ts.log.Info().Str("service", f.Service).Time("since", f.Since).Msg("the trouble is over")
	}
	ts.now = next
}
