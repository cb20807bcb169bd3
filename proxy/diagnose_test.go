package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestTroubleIsLoggedOnceShownAndItsEndTold(t *testing.T) {
	w := begin(t)
	bad, good := dead(t, 1), replica(t, 2, nil)
	w.see(discovery.Service{}, bad, good)
	const want = "app: 1 of 2 ready since "
	const cause = "app.1 refuses connections on port "
	for range 4 { // the cluster calls it healthy, so requests are what finds it out
		new(browser).get(t, w.url())
	}
	eventually(t, "the log names the trouble", func() bool { return strings.Contains(w.log.String(), want) })
	_, problems := new(browser).get(t, "http://"+w.Addr("admin").String()+"/problems")
	if !strings.Contains(problems, cause) || !strings.Contains(problems, "is loadbalancer.server.port right?") {
		t.Errorf("/problems: %s", problems)
	}
	w.see(discovery.Service{}, good)
	eventually(t, "the log tells the end", func() bool { return strings.Contains(w.log.String(), "the trouble is over") })
	if n := strings.Count(w.log.String(), cause); n != 1 {
		t.Errorf("the cause was logged %d times", n)
	}
	if resp, _ := new(browser).get(t, w.url()); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

// eventually waits until something is so, for as long as a loaded machine may need.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
