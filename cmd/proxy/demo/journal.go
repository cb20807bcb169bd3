package demo

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery/sim"
)

// journal keeps the last events.
type journal struct {
	mu    sync.Mutex
	lines []entry
	total int // of all times
}

type entry struct {
	at   time.Time
	text string
}

// journalSize is more than the tallest screen shows.
const journalSize = 200

func newJournal() *journal { return &journal{} }

func (j *journal) add(at time.Time, text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, entry{at: at, text: text})
	j.lines = j.lines[max(0, len(j.lines)-journalSize):]
	j.total++
}

// cluster is told of the cluster's events.
func (j *journal) cluster(e sim.Event) { j.add(e.At, e.Text) }

// since are the entries that were added after the first known ones, oldest first, and how many there
// were in all.
func (j *journal) since(known int) ([]entry, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(j.total-known, len(j.lines))
	return append([]entry(nil), j.lines[len(j.lines)-n:]...), j.total
}

// logger is for a proxy whose warnings belong in the journal.
func (j *journal) logger() zerolog.Logger {
	return zerolog.New(logLines{j}).Level(zerolog.WarnLevel)
}

func quiet() zerolog.Logger { return zerolog.Nop() }

// logLines makes an entry of each line of a log, with what there is room for.
type logLines struct{ journal *journal }

func (w logLines) Write(b []byte) (int, error) {
	var l struct{ Task, Message, Error string }
	if err := json.Unmarshal(b, &l); err != nil {
		return 0, fmt.Errorf("log line: %w", err)
	}
	text := "Fairlead: "
	if l.Task != "" {
		text += l.Task + " "
	}
	text += l.Message
	if l.Error != "" {
		text += ": " + l.Error
	}
	w.journal.add(time.Now(), text)
	return len(b), nil
}
