package load

import (
	"fmt"
	"time"
)

// A Record is what became of one request.
type Record struct {
	ID         string
	Client     int // from 0, or Passer
	Method     string
	Start, End time.Time
	Status     int      // 0: there was no answer
	RetryAfter string   // what the answer said of it
	Farewell   Farewell // the code with which a WebSocket's client was told to go
	By         string   // the container that answered; "" if none did
	Moved      bool     // the client's last answer came from another container
	Err        error    // nil: answered by 200, and by what was expected
}

// String is the record as a line for people.
func (r Record) String() string {
	return fmt.Sprintf("%s client %d %s %s took %s status %d by %s: %v", r.Start.Format("15:04:05.000"), r.Client, r.Method,
		r.ID, r.End.Sub(r.Start).Round(time.Millisecond), r.Status, r.By, r.Err)
}

// A Report is what became of all requests of a Run, in the order in which they began.
type Report struct{ Records []Record }

// Failed are the requests that were not answered as they should have been.
func (r Report) Failed() []Record {
	var failed []Record
	for _, x := range r.Records {
		if x.Err != nil {
			failed = append(failed, x)
		}
	}
	return failed
}

// Between are the requests that were under way at some time from a to b.
func (r Report) Between(a, b time.Time) Report {
	var part []Record
	for _, x := range r.Records {
		if x.End.After(a) && x.Start.Before(b) {
			part = append(part, x)
		}
	}
	return Report{part}
}

// Served counts the answers of each container.
func (r Report) Served() map[string]int {
	served := map[string]int{}
	for _, x := range r.Records {
		if x.By != "" {
			served[x.By]++
		}
	}
	return served
}

// Moves counts, for each client that keeps cookies, how often its answers came from another container than before.
func (r Report) Moves() map[int]int {
	moves := map[int]int{}
	for _, x := range r.Records {
		switch {
		case x.Moved:
			moves[x.Client]++
		case x.Client != Passer:
			moves[x.Client] += 0 // those that never moved are listed, too
		}
	}
	return moves
}

// Homes are the containers that answered each client before the time at, last.
func (r Report) Homes(at time.Time) map[int]string {
	homes := map[int]string{}
	for _, x := range r.Records {
		if x.By != "" && x.End.Before(at) {
			homes[x.Client] = x.By
		}
	}
	return homes
}

// Slowest is the request that took longest.
func (r Report) Slowest() Record {
	var slowest Record
	for _, x := range r.Records {
		if x.End.Sub(x.Start) > slowest.End.Sub(slowest.Start) {
			slowest = x
		}
	}
	return slowest
}
