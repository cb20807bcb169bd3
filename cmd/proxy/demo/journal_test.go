package demo

import (
	"testing"
	"time"
)

func TestTheJournalGivesEachEntryOnce(t *testing.T) {
	j := newJournal()
	j.add(time.Now(), "one")
	j.add(time.Now(), "two")
	first, known := j.since(0)
	j.add(time.Now(), "three")
	second, _ := j.since(known)
	if len(first) != 2 || len(second) != 1 || second[0].text != "three" {
		t.Errorf("first %v, then %v", first, second)
	}
}

func TestTheJournalForgetsWhatIsOld(t *testing.T) {
	j := newJournal()
	for range 3 * journalSize {
		j.add(time.Now(), "more")
	}
	if all, known := j.since(0); len(all) != journalSize || known != 3*journalSize {
		t.Errorf("%d entries of %d, want %d of %d", len(all), known, journalSize, 3*journalSize)
	}
}

func TestWarningsOfTheProxyAreShownInShort(t *testing.T) {
	j := newJournal()
	log := j.logger()
	log.Info().Msg("not worth it")
	log.Warn().Str("task", "web.2").Str("task_id", "x").Str("error", "refused").Msg("ejected")
	all, _ := j.since(0)
	if len(all) != 1 || all[0].text != "Fairlead: web.2 ejected: refused" {
		t.Errorf("the journal has %v", all)
	}
}
