package proxy

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// rush sends requests, each by a connection of its own, until the address refuses them. Each that was connected must be
// answered.
func rush(t *testing.T, address string) (answered *atomic.Int64, refused func()) {
	answered = new(atomic.Int64)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
			for {
				// A body that cannot be had twice: the client must not try again by itself.
				resp, err := client.Post("http://"+address, "text/plain", io.MultiReader(strings.NewReader("x")))
				if errors.Is(err, syscall.ECONNREFUSED) {
					return
				}
				if err != nil {
					t.Errorf("lost after %d: %v", answered.Load(), err)
					return
				}
				resp.Body.Close()
				answered.Add(1)
			}
		})
	}
	return answered, all.Wait
}

func TestAListenerIsClosedWithoutTheLossOfAConnection(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) (*world, func()){
		"of its own": func(t *testing.T) (*world, func()) { w := begin(t); return w, w.stop },
		"of a door that goes": func(t *testing.T) (*world, func()) {
			path := filepath.Join(t.TempDir(), "door.sock")
			stop := serveDoor(t, path, true)
			return beginAt(t, path), stop
		},
		"of a door that goes with it": func(t *testing.T) (*world, func()) {
			path := filepath.Join(t.TempDir(), "door.sock")
			stop := serveDoor(t, path, true)
			w := beginAt(t, path)
			return w, func() { w.stop(); time.Sleep(100 * time.Millisecond); stop() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, end := begin(t)
			w.see(discovery.Service{}, replica(t, 1, nil))
			answered, refused := rush(t, w.Addr("web").String())
			for deadline := time.Now().Add(10 * time.Second); answered.Load() < 100; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the load does not work")
				}
			}
			end()
			refused()
			t.Logf("%d answered", answered.Load())
		})
	}
}
