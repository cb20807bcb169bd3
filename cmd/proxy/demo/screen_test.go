package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// crowded is more than fits a small screen.
func crowded() scene {
	s := scene{wanted: 6, phase: sim.Updating, away: "node-2", next: "next when calm"}
	for i := range 14 {
		s.tasks = append(s.tasks, sim.Task{Service: serviceName, Slot: i/2 + 1, Container: fmt.Sprintf("%012x", i), Node: fmt.Sprintf("node-%d", i%3+1),
			State: sim.Running, Desired: sim.Running + sim.State(i%2)})
		s.events = append(s.events, entry{at: time.Now(), text: strings.Repeat("long ", 40)})
	}
	for i, name := range []string{"Fairlead", "15s poll"} {
		s.lanes[i] = laneView{name: name, addr: "127.0.0.1:65535", tally: tally{requests: 123456789, failed: int64(i) * 1234, moves: 54321, slowest: 10 * time.Second}}
	}
	s.lanes[1].failures = []failure{{at: time.Now(), why: "POST: \x1b[2J\x07 broken\nby what others wrote"}}
	return s
}

func TestTheScreenFitsWhateverItsSize(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 10}, {20, 5}, {1, 1}} {
		width, height := size[0], size[1]
		lines := crowded().lines(height)
		if len(lines) > height {
			t.Errorf("%d lines on a screen of %dx%d", len(lines), width, height)
		}
		for _, l := range lines {
			if text := l.render(width, false); utf8.RuneCountInString(text) > width {
				t.Errorf("%dx%d: too wide: %q", width, height, text)
			}
		}
	}
}

func TestASmallScreenShowsWhatMatters(t *testing.T) {
	var all []string
	for _, l := range crowded().lines(24) {
		all = append(all, l.render(80, false))
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{"http://127.0.0.1:65535", "node-2 is lost", "q quit  next when calm", "web.1   000000000000", "told to stop",
		"on a lost node", "and 4 more", "123456789", "1234", "last failure", "Same proxy twice", "default.", "long long"} {
		if !strings.Contains(text, want) {
			t.Errorf("80x24 does not show %q:\n%s", want, text)
		}
	}
}

func TestNothingThatOthersWroteMovesTheCursor(t *testing.T) {
	for _, l := range crowded().lines(60) {
		if text := l.render(200, false); strings.ContainsAny(text, "\x1b\x07\n\r") {
			t.Errorf("control characters in %q", text)
		}
	}
}

func TestWithoutColoursThereIsNoEscape(t *testing.T) {
	l := line{{bad, "failed"}, {plain, " 3"}}
	if got := l.render(80, false); got != "failed 3" {
		t.Errorf("without colours: %q", got)
	}
	if got, want := l.render(80, true), "\x1b[1;31mfailed\x1b[0m 3"; got != want {
		t.Errorf("with colours: %q, want %q", got, want)
	}
}

func TestTheMeterCountsAnswersASecond(t *testing.T) {
	var m meter
	start := time.Now()
	at := func(after time.Duration, n int64) int64 {
		m.measure([2]laneView{{answers: map[string]int64{"a": n}}, {}}, start.Add(after))
		return m.rates[0]["a"]
	}
	at(0, 100)
	if got := at(2*time.Second, 160); got != 30 {
		t.Errorf("60 answers in 2 s are %d a second, want 30", got)
	}
	if got := at(2500*time.Millisecond, 1000); got != 30 {
		t.Errorf("half a second later: %d, want still 30", got)
	}
}
