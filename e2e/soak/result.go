//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

// A result is what became of the load of a row.
type result struct {
	row
	from, to      time.Time       // of the event
	killed        span            // when it killed a proxy
	staying       span            // when it let sessions stay on tasks that drain
	before, after map[string]task // by container
	report        load.Report
	log           map[string]line // by the request's id

	during, failed, lost, refused, shut int
	held, retried, moved, told, late    int
	why                                 map[string]int // of the moves
	longest                             time.Duration
	proofs                              []string // of what was lost, each with the proxy's word
	faults                              []string // what is not as it must be
}

// A line of the proxies' access logs.
type line struct {
	Target, Method, Why, Error string
	Task                       string `json:"task"`
	TaskID                     string `json:"task_id"`
	Request                    string `json:"request_id"`
	Status, Retries            int
	Moved                      bool
	Held                       float64 `json:"held_ms"`
}

// readLogs reads what all proxies said of the requests of this load.
func (x *result) readLogs(dir, prefix string) error {
	x.log = map[string]line{}
	return eachLine(dir, func(_, text string) error {
		var l line
		if !strings.Contains(text, "id="+prefix) {
			return nil
		}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		u, err := url.Parse(l.Target)
		if err == nil {
			x.log[u.Query().Get("id")] = l
		}
		return err
	})
}

// readJournals counts the requests that reached a task after its SIGTERM, by its own clock.
func (x *result) readJournals(dir, prefix string) error {
	stops := map[string]int64{}
	return eachLine(dir, func(container, text string) error {
		at, what, _ := strings.Cut(text, " ")
		ns, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		stop := stops[container]
		switch {
		case what == "SIGTERM":
			stops[container] = ns
		case stop > 0 && ns > stop && strings.Contains(what, " "+prefix):
			x.late++
			x.proofs = append(x.proofs, fmt.Sprintf("late by %s at %s: %s", time.Duration(ns-stop), container, what))
		}
		return nil
	})
}

// eachLine reads all files of a directory.
func eachLine(dir string, do func(file, line string) error) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range files {
		f, err := os.Open(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		s := bufio.NewScanner(f)
		for s.Scan() && err == nil {
			err = do(entry.Name(), s.Text())
		}
		if err := errors.Join(err, s.Err(), f.Close()); err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return nil
}

// judge counts, and says what is not as it must be.
func (x *result) judge() {
	x.why = map[string]int{}
	x.during = len(x.report.Between(x.from, x.to).Records)
	for _, l := range x.log {
		x.retried += l.Retries
		if l.Held > 0 {
			x.held++
		}
	}
	for _, q := range x.report.Records {
		x.count(q)
	}
	if none := missing(x.before, x.report.Between(time.Time{}, x.from)); len(none) > 0 {
		x.fault("%d of the old tasks had not served before the event", len(none))
	}
	for at := x.from; at.Before(x.to.Add(-time.Second)); at = at.Add(time.Second) {
		if len(x.report.Between(at, at.Add(time.Second)).Records) < 10 {
			x.fault("hardly a request in the second from %s after the event's begin", at.Sub(x.from))
		}
	}
	if x.replaces {
		for c := range x.before {
			if _, still := x.after[c]; still {
				x.fault("%s of before still runs", c)
			}
		}
	}
	if x.inTurn {
		x.judgePins()
	}
	if x.service == stays {
		x.judgeStay()
	}
	if x.refuses && x.refused == 0 {
		x.fault("nothing was refused while there were no replicas")
	}
	if x.late > 0 && !x.stops {
		x.fault("%d requests reached a task after its SIGTERM", x.late)
	}
}

// judgePins: a session is given one new pin if its task went, and else none, whichever proxy it asks. (A proxy
// that is behind does not know the new task yet, and has the old one answer in the meantime; it leaves the pin alone.)
func (x *result) judgePins() {
	most := 0
	if x.replaces {
		most = 1
	}
	pins := map[int]int{}
	for _, q := range x.report.Records {
		if x.log[q.ID].Moved {
			pins[q.Client]++
		}
	}
	for client, n := range pins {
		if n > most {
			x.fault("client %d was given %d new pins, at most %d are right", client, n, most)
		}
	}
	if x.replaces && len(pins) == 0 {
		x.fault("no session was given a new pin")
	}
}

// judgeStay: while old tasks drain, the sessions that they had stay, and new ones go elsewhere.
func (x *result) judgeStay() {
	stayed, fresh := 0, 0
	for _, q := range x.report.Records {
		if q.Err != nil || q.Method == load.WebSocket || !x.staying.has(q.Start) || !x.staying.has(q.End) {
			continue
		}
		_, old := x.before[q.By]
		switch {
		case q.Client == load.Passer && old:
			x.fault("a new session was sent to %s, which drains: %v", q.By, q)
		case q.Client == load.Passer:
			fresh++
		case !old:
			x.fault("a session did not stay: %v; logged %+v", q, x.log[q.ID])
		default:
			stayed++
		}
	}
	x.proofs = append(x.proofs, fmt.Sprintf("while its tasks drained: %d requests of their sessions to them, %d new sessions elsewhere", stayed, fresh))
	if stayed < 100 || fresh < 10 {
		x.fault("too few requests while the tasks drained")
	}
}

// count puts one request where it belongs.
func (x *result) count(q load.Record) {
	if q.Method != load.WebSocket {
		x.longest = max(x.longest, q.End.Sub(q.Start))
	}
	l, logged := x.log[q.ID]
	if q.Moved {
		x.moved++
		x.why[l.Why]++
	}
	if q.Farewell != 0 {
		x.told++
	}
	switch {
	case q.Err == nil:
	case x.refuses && q.Status == http.StatusServiceUnavailable && q.RetryAfter != "", x.removes && q.Status == http.StatusNotFound:
		x.refused++
	case x.shuts && errors.Is(q.Err, syscall.ECONNREFUSED):
		x.shut++
	case x.kills && x.excused(q, l):
		x.lost++
		x.proofs = append(x.proofs, fmt.Sprintf("lost with %s: %s %s, answered %d, log %s: %s", l.Task, q.Method, q.ID, q.Status, l.Request, l.Error))
	case x.killed.within(q.Start, q.End) && !errors.Is(q.Err, syscall.ECONNREFUSED):
		x.lost++
		x.proofs = append(x.proofs, fmt.Sprintf("lost with the proxy, %s after it was asked: %s %s: %v", x.killed.to.Sub(q.Start).Round(time.Millisecond), q.Method, q.ID, q.Err))
	default:
		x.failed++
		x.fault("failed: %v; logged %t: %+v", q, logged, l)
	}
}

// excused tells whether the proxy's log proves that the request could not be saved: it had been written and is not
// idempotent, or its answer had begun, and its task is not there any more.
func (x *result) excused(q load.Record, l line) bool {
	for _, k := range x.after {
		if k.ID == l.TaskID {
			return false
		}
	}
	return strings.Contains(l.Error, "(answer begun)") || q.Method == http.MethodPost && strings.Contains(l.Error, "(written, not answered)")
}

func (x *result) fault(format string, args ...any) {
	x.faults = append(x.faults, fmt.Sprintf(format, args...))
}

// print tells what is not in the table: each fault and each proof.
func (x *result) print(w io.Writer) {
	fmt.Fprintln(w, "  "+x.columns())
	for i, s := range append(x.faults, x.proofs...) {
		if i == 12 {
			fmt.Fprintln(w, "    … and more")
			break
		}
		fmt.Fprintln(w, "    "+s)
	}
}
