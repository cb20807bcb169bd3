package upstream

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cutCable drops what comes in for a connection before its TCP sees it, as a cut cable would: nothing
// is acknowledged any more.
func cutCable(t testing.TB, c net.Conn) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	})
	if err != nil || set != nil {
		t.Errorf("cut the cable: %v, %v", err, set)
	}
}

// timely is how long a vanished backend may go unnoticed: retransmissions and probes go by clocks of
// their own.
const timely = vanishTime + 3*time.Second

func TestAVanishedBackendIsNoticedThoughNothingSaysSo(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(p *peer){
		"before it acknowledged the request": func(p *peer) {
			p.request()
			p.say(ok + "Content-Length: 0\r\n\r\n")
			cutCable(t, p.Conn)
		},
		"when it had the request": func(p *peer) {
			p.request()
			p.say(ok + "Content-Length: 0\r\n\r\n")
			p.request()
			cutCable(t, p.Conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{})
			defer close(over)
			cut := make(chan struct{})
			h := New(listen(t, func(p *peer) {
				f(p)
				close(cut)
				<-over
			}), nil)
			mustAsk(t, h, get("/first"))
			if strings.HasPrefix(name, "before") {
				soon(t, cut, "the cut")
			}
			failed := make(chan error, 1)
			began := time.Now()
			go func() { _, err := h.Do(t.Context(), get("/second"), Exchange{}); failed <- err }()
			select {
			case err := <-failed:
				if e := wantError(t, err, Written, OpRead); !e.Vanished() {
					t.Errorf("error is %v", e)
				}
			case <-time.After(timely):
				t.Errorf("nobody noticed within %v", time.Since(began))
			}
		})
	}
}

func TestABackendThatIsOnlySlowIsWaitedFor(t *testing.T) {
	t.Parallel()
	const size = 8 << 20 // more than all buffers between here and there
	for _, body := range []int64{0, size} {
		t.Run(map[int64]string{0: "to answer", size: "to read"}[body], func(t *testing.T) {
			t.Parallel()
			h := New(listen(t, func(p *peer) {
				time.Sleep(timely) // the slowness itself, not a wait for something
				r := p.request()
				n, _ := io.Copy(io.Discard, r.Body)
				if n != body {
					t.Errorf("it read %d bytes", n)
				}
				p.say(ok + "Content-Length: 0\r\n\r\n")
			}), nil)
			r := get("/")
			if body > 0 {
				r = post(bytes.NewReader(make([]byte, body)), body)
			}
			resp, err := h.Do(t.Context(), r, Exchange{})
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		})
	}
}
