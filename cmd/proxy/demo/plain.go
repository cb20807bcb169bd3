package demo

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
)

// print runs the show with a line for each event and a summary from time to time.
func (s *show) print(ctx context.Context, out io.Writer) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.run(ctx) })
	g.Go(func() error {
		const look, summaryEach = 200 * time.Millisecond, 25
		tick := time.NewTicker(look)
		defer tick.Stop()
		known := 0
		for n := 1; ; n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
			var news []entry
			news, known = s.journal.since(known)
			for _, e := range news {
				fmt.Fprintf(out, "%s %s\n", e.at.Format(time.TimeOnly), e.text)
			}
			if n%summaryEach == 0 {
				fmt.Fprintf(out, "%s %s\n", time.Now().Format(time.TimeOnly), s.line())
			}
		}
	})
	return g.Wait()
}

// line is how both lanes stand.
func (s *show) line() string {
	var text string
	for i, l := range s.lanes {
		v := l.view()
		if i > 0 {
			text += " | "
		}
		text += fmt.Sprintf("%s: %d requests, %d failed (%d POST), %d moves, %d over %s", v.name, v.tally.requests, v.tally.failed, v.tally.posts,
			v.tally.moves, v.tally.slow, slow)
	}
	return text
}

// summary is what is left to read when the show is over.
func (s *show) summary(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "lane\trequests\tfailed\tof them POST\tmoves\tover 1 s\tslowest\t\n")
	var last []string
	for _, l := range s.lanes {
		v := l.view()
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t\n", v.name, v.tally.requests, v.tally.failed, v.tally.posts, v.tally.moves, v.tally.slow,
			v.tally.slowest.Round(time.Millisecond))
		for _, f := range v.failures {
			last = append(last, fmt.Sprintf("%s %s: %s", f.at.Format(time.TimeOnly), v.name, f.why))
		}
	}
	_ = t.Flush() // nothing is to be done about a broken standard output
	for _, line := range last {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintln(out, sameProxy)
}

// sameProxy says what is compared with what.
const sameProxy = "Same proxy twice; the second lists the cluster each 15 s, Traefik's default."
