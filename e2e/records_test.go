package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A line of the proxy's access log.
type line struct {
	Time, Target, Method, Backend, Why, Error string
	Task                                      string  `json:"task_id"`
	Took                                      float64 `json:"duration_ms"`
	Status, Retries                           int
}

// readLog reads the proxy's access log from a time on: the line of each request of the load, by its id.
func readLog(t *testing.T, s *stack, since time.Time) map[string]line {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "logs", "--since", since.Format(time.RFC3339Nano), proxyContainer(t, s)).Output()
	if err != nil {
		t.Fatalf("the proxy's log: %v", err)
	}
	lines := map[string]line{}
	for text := range strings.Lines(string(out)) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("the proxy's access log: %v: %s", err, text)
		}
		if u, err := url.Parse(l.Target); err == nil && u.Query().Has("id") {
			lines[u.Query().Get("id")] = l
		}
	}
	return lines
}

// retries counts, by the proxy's log, how often it had to try another replica.
func (x *trial) retries() (n int) {
	for _, l := range x.log {
		n += l.Retries
	}
	return n
}

// An arrival is a request that reached a replica.
type arrival struct {
	at         time.Time
	method, id string
}

// readJournals reads what reached the replicas since a time, and when each got SIGTERM, as they wrote
// it down themselves. Of an app that keeps no journal it is what the clients know.
func (x *trial) readJournals(since time.Time) (map[string][]arrival, map[string]time.Time) {
	x.Helper()
	arrivals, stops := map[string][]arrival{}, map[string]time.Time{}
	if x.s.journal == "" {
		for _, r := range x.report.Records {
			arrivals[r.By] = append(arrivals[r.By], arrival{r.Start, r.Method, r.ID})
		}
		return arrivals, stops
	}
	for _, l := range x.lives {
		c := l.container()
		for _, a := range readJournal(x.T, filepath.Join(x.s.journal, c)) {
			switch {
			case a.method == "SIGTERM":
				stops[c] = a.at
			case a.at.After(since) && a.id != "":
				arrivals[c] = append(arrivals[c], a)
			}
		}
		if stops[c].IsZero() && !l.stopped.IsZero() {
			x.Errorf("%s was sent SIGTERM and did not write it down", c)
		}
	}
	return arrivals, stops
}

func readJournal(t *testing.T, path string) (all []arrival) {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil // the container was created and never started
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		at, what, _ := strings.Cut(s.Text(), " ")
		method, id, _ := strings.Cut(what, " ")
		ns, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, arrival{time.Unix(0, ns), method, id})
	}
	return all
}

// reachedOnce: by the journals, each POST that was answered had reached one replica, once, and none reached two.
func (x *trial) reachedOnce() {
	x.Helper()
	reached := map[string]int{}
	for _, all := range x.arrivals {
		for _, a := range all {
			reached[a.id]++
		}
	}
	posts := 0
	for _, r := range x.report.Records {
		if r.Method != "POST" {
			continue
		}
		posts++
		if n := reached[r.ID]; n > 1 || n == 0 && r.Err == nil {
			x.Errorf("POST %s reached replicas %d times", r.ID, n)
		}
	}
	if posts < 100 {
		x.Errorf("only %d POSTs were sent", posts)
	}
}

// summary prints the trial's figures, a line each.
func (x *trial) summary() {
	moved, after, slowest := 0, 0, x.report.Slowest()
	for _, m := range x.report.Moves() {
		moved += m
	}
	for c, at := range x.stops {
		for _, a := range x.arrivals[c] {
			if a.at.After(at) {
				after++
			}
		}
	}
	x.Logf("%d requests, %d of them during the event of %.1f s; %d failed, %d moves of %d sessions, %d retries, %d requests after SIGTERM, slowest %s",
		len(x.report.Records), len(x.report.Between(x.from, x.to).Records), x.to.Sub(x.from).Seconds(), len(x.report.Failed()),
		moved, len(x.report.Moves()), x.retries(), after, slowest.End.Sub(slowest.Start).Round(time.Millisecond))
	if slowest.End.Sub(slowest.Start) > time.Second {
		x.Logf("the slowest: %v; the proxy's log: %+v", slowest, x.log[slowest.ID])
	}
	var first, last, margin []time.Duration
	for _, l := range x.lives {
		all := x.arrivals[l.container()]
		if len(all) == 0 {
			continue
		}
		if l.runs.After(x.from) {
			first = append(first, all[0].at.Sub(l.runs))
		}
		if !l.leaves.IsZero() {
			last = append(last, all[len(all)-1].at.Sub(l.leaves))
		}
		if !l.stopped.IsZero() {
			margin = append(margin, l.stopped.Sub(all[len(all)-1].at))
		}
	}
	x.Logf("RUNNING to first request: %s; desired=SHUTDOWN to last: %s; last request to SIGTERM: %s", spread(first), spread(last), spread(margin))
}

// spread is the least, the middle and the most of some durations.
func spread(ds []time.Duration) string {
	if len(ds) == 0 {
		return "none"
	}
	slices.Sort(ds)
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	return fmt.Sprintf("%d/%d/%d ms of %d tasks", ms(ds[0]), ms(ds[len(ds)/2]), ms(ds[len(ds)-1]), len(ds))
}
