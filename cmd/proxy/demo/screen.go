package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// scene is what a screen shows.
type scene struct {
	lanes  [2]laneView
	rates  [2]map[string]int64 // answers a second, by container
	tasks  []sim.Task
	events []entry // oldest first
	phase  sim.Phase
	wanted int    // replicas
	away   string // the lost node, if any
	next   string // when something happens by itself
}

// lines lays the scene out. It never has more than height of them; what is least important goes first.
func (s scene) lines(height int) []line {
	head := []line{
		{{bold, "Fairlead"}, {plain, "  http://" + s.lanes[0].addr}, {dim, fmt.Sprintf("   simulated Swarm, %d replicas", s.wanted)},
			{plain, "   " + s.status()}},
		{{bold, "u"}, {plain, " update  "}, {bold, "b"}, {plain, " broken update  "}, {bold, "k"}, {plain, " kill  "}, {bold, "s"}, {plain, " scale  "},
			{bold, "n"}, {plain, " node loss  "}, {bold, "q"}, {plain, " quit"}, {dim, "  " + s.next}},
	}
	foot := append([]line{{}}, s.laneLines()...)
	const fewestEvents = 3
	room := height - len(head) - len(foot) - fewestEvents - 1
	out := slices.Concat(head, s.taskLines(max(2, room)), foot)
	out = append(out, line{})
	for _, e := range s.events[max(0, len(s.events)-max(0, height-len(out))):] {
		out = append(out, line{{dim, e.at.Format(time.TimeOnly) + " "}, {plain, e.text}})
	}
	return out[:min(len(out), height)]
}

func (s scene) status() string {
	if s.away != "" {
		return s.away + " is lost"
	}
	if s.phase == sim.Updating || s.phase == sim.RollbackStarted {
		return string(s.phase)
	}
	return ""
}

// taskLines is the table of replicas, at most so many lines.
func (s scene) taskLines(most int) []line {
	out := []line{{{dim, fmt.Sprintf("%-8s%-14s%-8s%-15s%11s%10s%11s", "REPLICA", "CONTAINER", "NODE", "STATE", "Fairlead/s", "sessions", "15s poll/s")}}}
	for i, t := range s.tasks {
		if len(out) == most && i < len(s.tasks) {
			out[most-1] = line{{dim, fmt.Sprintf("and %d more", len(s.tasks)-i+1)}}
			break
		}
		text, look := s.state(t)
		out = append(out, line{
			{plain, fmt.Sprintf("%-8s%-14s%-8s", t.Name(), t.Container, t.Node)}, {look, fmt.Sprintf("%-15s", text)},
			{plain, fmt.Sprintf("%11s%10s%11s", number(s.rates[0][t.Container]), number(int64(s.lanes[0].sessions[t.Container])),
				number(s.rates[1][t.Container]))},
		})
	}
	return out
}

// state of a task in words for people.
func (s scene) state(t sim.Task) (string, style) {
	switch {
	case t.Node != "" && t.Node == s.away:
		return "on a lost node", bad
	case t.Desired > sim.Running:
		return "told to stop", warn
	case t.State == sim.Running:
		return "running", good
	}
	return t.State.String(), dim
}

// laneLines is the table of lanes.
func (s scene) laneLines() []line {
	out := []line{{{dim, fmt.Sprintf("%-10s%10s%8s%8s%10s%9s", "LANE", "requests", "failed", "moves", "over 1 s", "slowest")}}}
	var last failure
	var where string
	for _, l := range s.lanes {
		look := good
		if l.tally.failed > 0 {
			look = bad
		}
		out = append(out, line{{plain, fmt.Sprintf("%-10s%10d", l.name, l.tally.requests)}, {look, fmt.Sprintf("%8d", l.tally.failed)},
			{plain, fmt.Sprintf("%8d%10d%9s", l.tally.moves, l.tally.slow, l.tally.slowest.Round(time.Millisecond))},
			{dim, "  http://" + l.addr}})
		for _, f := range l.failures {
			if f.at.After(last.at) {
				last, where = f, l.name
			}
		}
	}
	out = append(out, line{{dim, sameProxy}})
	if where != "" {
		out = append(out, line{{bad, "last failure "}, {plain, last.at.Format(time.TimeOnly) + " " + where + ": " + last.why}})
	}
	return out
}

// number is blank where there is nothing to count.
func number(n int64) string {
	if n <= 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
