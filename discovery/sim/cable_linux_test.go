package sim

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// behind is a connection, accepted before or after its gate was closed, whose client then says hello.
func behind(t *testing.T, late bool) (g *gate, client *net.TCPConn, accepted net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	g = newGate()
	if late {
		g.close()
	}
	accepted, err = gatedListener{Listener: l, gate: g}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	g.close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatalf("a write: %v, want the kernel to take it", err)
	}
	return g, c.(*net.TCPConn), accepted
}

func TestAClosedGateAcknowledgesNothing(t *testing.T) {
	for name, late := range map[string]bool{"accepted before": false, "accepted after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c, _ := behind(t, late)
			raw, err := c.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var set error
			err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 300) })
			if err != nil || set != nil {
				t.Fatal(err, set)
			}
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
				t.Errorf("a read: %v, want %v from the kernel", err, syscall.ETIMEDOUT)
			}
		})
	}
}

func TestWhatWasSentToAClosedGateArrivesOnceItIsOpen(t *testing.T) {
	for name, late := range map[string]bool{"accepted before": false, "accepted after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _, accepted := behind(t, late)
			_ = accepted.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if n, err := accepted.(gatedConn).Conn.Read(make([]byte, 5)); n > 0 || err == nil {
				t.Fatalf("while it is closed: %d bytes, %v", n, err)
			}
			g.open()
			_ = accepted.SetReadDeadline(time.Now().Add(10 * time.Second))
			if n, err := accepted.Read(make([]byte, 5)); n != 5 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}

func TestADeafSocketIsSilentEvenBeforeItsAppIsUp(t *testing.T) {
	t.Parallel()
	s, err := newSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	dial := func() error {
		c, err := net.DialTimeout("tcp", s.address.String(), 50*time.Millisecond)
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := dial(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a dial before: %v, want %v", err, syscall.ECONNREFUSED)
	}
	s.deafen()
	var timeout net.Error
	if err := dial(); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a dial while it is deaf: %v, want a time-out", err)
	}
	s.hear()
	if err := dial(); err != nil {
		t.Errorf("a dial after: %v", err)
	}
}
