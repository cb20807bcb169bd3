package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// draw runs the show on a terminal.
func (s *show) draw(ctx context.Context, in, out *os.File) error {
	t, err := openTerminal(in, out)
	if err != nil {
		return err
	}
	defer t.close()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer t.guard()
		return s.run(ctx)
	})
	pressed := make(chan struct{}, 1) // draw at once
	g.Go(func() error {
		defer t.guard()
		err := t.keys(ctx, func(key byte) {
			const ctrlC = 3
			if key == 'q' || key == ctrlC {
				quit()
				return
			}
			if !s.director.act(rune(key)) {
				return
			}
			select {
			case pressed <- struct{}{}:
			default:
			}
		})
		if errors.Is(err, io.EOF) {
			quit()
			return nil
		}
		return err
	})
	g.Go(func() error {
		defer t.guard()
		return s.refresh(ctx, t, pressed)
	})
	return g.Wait()
}

// refresh draws four times a second and after each key until ctx ends.
func (s *show) refresh(ctx context.Context, t *terminal, pressed <-chan struct{}) error {
	const often = 250 * time.Millisecond
	tick := time.NewTicker(often)
	defer tick.Stop()
	colours := os.Getenv("NO_COLOR") == ""
	m := &meter{}
	for {
		width, height := t.size()
		var lines []string
		for _, l := range s.scene(m).lines(height) {
			lines = append(lines, l.render(width, colours))
		}
		if err := t.show(lines); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		select {
		case <-tick.C:
		case <-pressed:
		case <-ctx.Done():
			return nil
		}
	}
}

// scene is what there is to show now.
func (s *show) scene(m *meter) scene {
	now := scene{wanted: s.director.wanted(), next: s.director.next()}
	now.away, _ = s.director.lost()
	now.phase, _ = s.swarm.Phase(serviceName) // there is one of that name
	now.events, _ = s.journal.since(0)
	now.tasks = slices.DeleteFunc(s.swarm.Tasks(), func(t sim.Task) bool { return t.State.Ended() })
	for i, l := range s.lanes {
		now.lanes[i] = l.view()
	}
	m.measure(now.lanes, time.Now())
	now.rates = m.rates
	return now
}

// meter turns counts of answers to answers a second.
type meter struct {
	at    time.Time
	last  [2]map[string]int64
	rates [2]map[string]int64
}

// measure takes a new rate when a second has passed since the last one.
func (m *meter) measure(lanes [2]laneView, now time.Time) {
	passed := now.Sub(m.at)
	if passed < time.Second {
		return
	}
	m.at = now
	for i, l := range lanes {
		m.rates[i] = map[string]int64{}
		for container, n := range l.answers {
			m.rates[i][container] = int64(float64(n-m.last[i][container])/passed.Seconds() + 0.5)
		}
		m.last[i] = l.answers
	}
}
