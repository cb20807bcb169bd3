package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// piped is a host within synctest, whose backend serves each connection with f.
func piped(f func(p net.Conn)) *Host {
	return New(discovery.Address{Scheme: "http", HostPort: "10.0.0.1:80"}, &Options{
		Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go f(theirs)
			return ours, nil
		},
	})
}

// hear takes a request's head.
func hear(c net.Conn) {
	for b := make([]byte, 4<<10); ; {
		if n, err := c.Read(b); err != nil || strings.HasSuffix(string(b[:n]), "\r\n\r\n") {
			return
		}
	}
}

func TestWhoWaitsForAnAbandonedBackendIsToldSo(t *testing.T) {
	for name, c := range map[string]struct {
		said  string
		stage Stage
	}{
		"nothing answered": {"", Written},
		"a head begun":     {"HTTP/1.1 2", Answered},
		"a body begun":     {ok + "Content-Length: 3\r\n\r\na", Answered},
		"a tunnel":         {switching, Answered},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := piped(func(b net.Conn) {
					hear(b)
					if c.said != "" { // a pipe's Write of nothing is a Read of nothing
						_, _ = io.WriteString(b, c.said)
					}
				})
				failed := make(chan error)
				go func() {
					resp, err := h.Do(t.Context(), upgrade("websocket"), Exchange{})
					if err == nil {
						_, err = io.ReadAll(resp.Body)
						resp.Body.Close()
					}
					failed <- err
				}()
				time.Sleep(time.Hour) // a backend that is only slow is waited for
				synctest.Wait()
				began := time.Now()
				h.Abandon()
				e := wantError(t, <-failed, c.stage, OpRead)
				if !errors.Is(e, errGone) || e.Timeout() || time.Since(began) != lastWait {
					t.Errorf("error is %v after %v", e, time.Since(began))
				}
				if len(h.live.conns) != 0 {
					t.Error("its connection is still open")
				}
			})
		})
	}
}

func TestAnAbandonedBackendIsReadAsLongAsBytesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := make(chan struct{})
		h := piped(func(c net.Conn) {
			hear(c)
			_, _ = io.WriteString(c, ok+"Content-Length: 10\r\n\r\n")
			close(begun)
			for range 10 {
				time.Sleep(lastWait - time.Millisecond)
				_, _ = io.WriteString(c, "a")
			}
		})
		resp, err := h.Do(t.Context(), get("/"), Exchange{})
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		h.Abandon()
		if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 10 {
			t.Errorf("read %q, %v", body, err)
		}
	})
}

// What the kernel has received is there for a client that is slow to take it.
func TestASlowClientGetsAllThatAnAbandonedBackendHadSent(t *testing.T) {
	const size = 64 << 10
	sent := make(chan struct{})
	h := New(listen(t, func(p *peer) {
		p.head()
		p.say(ok + "\r\n" + strings.Repeat("a", size))
		close(sent)
	}), nil)
	resp, err := h.Do(t.Context(), get("/"), Exchange{})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	soon(t, sent, "the answer")
	h.Abandon()
	time.Sleep(lastWait + lastWait/10) // the slowness itself, not a wait for something
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != size {
		t.Errorf("read %d bytes, %v", len(body), err)
	}
}

func TestDialsToAnAbandonedBackendEndAtOnce(t *testing.T) {
	for _, scheme := range []string{"http", "https", "h2c"} {
		synctest.Test(t, func(t *testing.T) {
			h := New(discovery.Address{Scheme: scheme, HostPort: "10.0.0.1:80"}, &Options{
				Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				},
			})
			failed := make(chan error)
			do := func() {
				_, err := h.Do(t.Context(), post(strings.NewReader("a"), 1), Exchange{})
				failed <- err
			}
			go do()
			synctest.Wait()
			began := time.Now()
			h.Abandon()
			go do()
			for range 2 {
				if e := wantError(t, <-failed, NothingWritten, OpDial); !errors.Is(e, errGone) {
					t.Errorf("%s: error is %v", scheme, e)
				}
			}
			if d := time.Since(began); d != 0 {
				t.Errorf("%s: they waited %v", scheme, d)
			}
		})
	}
}

func TestH2CEndsWhenItsBackendIsAbandoned(t *testing.T) {
	asked, over := make(chan struct{}), make(chan struct{})
	h := h2c(t, func(w http.ResponseWriter, r *http.Request) { close(asked); <-over })
	defer close(over)
	failed := make(chan error, 1)
	go func() { _, err := h.Do(t.Context(), get("/"), Exchange{}); failed <- err }()
	soon(t, asked, "the request")
	h.Abandon()
	if e := wantError(t, soon(t, failed, "the end"), Written, OpRead); !errors.Is(e, errGone) {
		t.Errorf("error is %v", e)
	}
}
