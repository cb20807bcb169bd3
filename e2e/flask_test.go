package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

func TestTheFlaskStackLosesNothing(t *testing.T) {
	s := deployFlask(t)
	t.Run("six containers answer those who have no cookie", func(t *testing.T) {
		seen := map[string]bool{}
		for range 60 {
			seen[whoAnswers(t, &http.Client{}, s.url)] = true
		}
		for c := range byContainer(s.running(t)) {
			if !seen[c] {
				t.Errorf("%s did not answer", c)
			}
		}
		if len(seen) != replicas {
			t.Errorf("%d containers answered: %v", len(seen), seen)
		}
	})
	t.Run("a session stays put for 1000 requests", func(t *testing.T) {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		home := whoAnswers(t, client, s.url)
		for range 1000 {
			if by := whoAnswers(t, client, s.url); by != home {
				t.Fatalf("%s answered a session of %s", by, home)
			}
		}
	})
	t.Run("make update", func(t *testing.T) {
		x := underLoad(t, s, func() { command(t, nil, "make", "update") })
		x.lostNothing()
		x.keeps(0)
		x.newcomersServed()
		x.movedAsNeeded()
		x.noneAfterStop()
	})
	t.Run("make broken-update", func(t *testing.T) {
		x := underLoad(t, s, func() { command(t, nil, "make", "broken-update") })
		x.rolledBack()
		x.lostNothing()
		x.movedAsNeeded()
		x.noneAfterStop()
	})
	t.Run("a container is removed", func(t *testing.T) { removeContainer(t, s) })
	t.Run("scaling to one and back", func(t *testing.T) { scale(t, s) })
}

// whoAnswers asks for the page once.
func whoAnswers(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	by, found := strings.CutPrefix(strings.TrimSpace(string(text)), load.Greeting)
	if !found || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %.200q", resp.Status, text)
	}
	return by
}
