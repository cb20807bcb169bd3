package forward

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-proxy/fairlead/proxy/websocket"
)

// half is one end of a connection in memory that can be closed by halves, waits for nobody but its reader,
// and has deadlines that synctest knows.
type half struct {
	net.Conn // what is read
	out      net.Conn
	closed   atomic.Bool
	broken   *atomic.Bool // the connection was reset
}

func connection() (a, b *half) {
	toB, fromA := net.Pipe()
	toA, fromB := net.Pipe()
	broken := new(atomic.Bool)
	return &half{Conn: fromB, out: toB, broken: broken}, &half{Conn: fromA, out: toA, broken: broken}
}

func (h *half) Read(p []byte) (int, error)         { n, err := h.Conn.Read(p); return n, h.real(err) }
func (h *half) Write(p []byte) (int, error)        { n, err := h.out.Write(p); return n, h.real(err) }
func (h *half) CloseWrite() error                  { return h.out.Close() }
func (h *half) Close() error                       { h.closed.Store(true); h.out.Close(); return h.Conn.Close() }
func (h *half) SetWriteDeadline(t time.Time) error { return h.out.SetWriteDeadline(t) }
func (h *half) reset()                             { h.broken.Store(true); h.Close() }
func (h *half) real(err error) error {
	switch {
	case err == nil:
		return nil
	case h.closed.Load():
		return net.ErrClosed
	case h.broken.Load():
		return syscall.ECONNRESET
	}
	return err
}

// carried is a stream under test, with what its two sides have received.
type carried struct {
	t               *testing.T
	client, backend *half
	departure       chan struct{}
	leave           *Leave
	cancel          context.CancelFunc

	mu                    sync.Mutex
	toClient, toBackend   bytes.Buffer
	clientEnd, backendEnd time.Time // when each saw the connection end
	told                  []string
	stream                *stream
	over                  bool
	err                   error
}

// carry begins a stream in a bubble. Both sides read all the time unless deaf says "client".
func carry(t *testing.T, deaf string) *carried {
	c := &carried{t: t, departure: make(chan struct{}), leave: NewLeave()}
	ours, theirs := connection()
	up, backend := connection()
	c.client, c.backend = theirs, backend
	c.stream = newStream(ours, up)
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(t.Context())
	go func() {
		err := c.stream.run(ctx, strings.NewReader(""), reasons{
			departure: c.departure, leave: c.leave,
			told: func(why string) { c.mu.Lock(); defer c.mu.Unlock(); c.told = append(c.told, why) },
		})
		ours.Close()
		up.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.over, c.err = true, err
	}()
	if deaf != "client" {
		go c.receive(theirs, &c.toClient, &c.clientEnd)
	}
	go c.receive(backend, &c.toBackend, &c.backendEnd)
	t.Cleanup(func() { c.cancel(); theirs.Close(); backend.Close(); synctest.Wait() })
	return c
}

func (c *carried) receive(from io.Reader, into *bytes.Buffer, end *time.Time) {
	buf := make([]byte, 100)
	for {
		n, err := from.Read(buf)
		c.mu.Lock()
		into.Write(buf[:n])
		if err != nil {
			*end = time.Now()
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// says has a side send bytes.
func (c *carried) says(side *half, frames ...[]byte) {
	c.t.Helper()
	if _, err := side.Write(bytes.Join(frames, nil)); err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// pass lets time go by.
func pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

// wants compares what a side has received with these frames.
func (c *carried) wants(side *half, frames ...[]byte) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	got, who := c.toClient.Bytes(), "the client"
	if side == c.backend {
		got, who = c.toBackend.Bytes(), "the backend"
	}
	if want := bytes.Join(frames, nil); !bytes.Equal(got, want) {
		c.t.Errorf("%s got %x, want %x", who, got, want)
	}
}

// ended tells whether a side has seen its connection end.
func (c *carried) ended(side *half) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if side == c.backend {
		return !c.backendEnd.IsZero()
	}
	return !c.clientEnd.IsZero()
}

// goodbyes are why the client was told to go.
func (c *carried) goodbyes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

// wantsEnd checks that the stream is over, why, and what it says went wrong.
func (c *carried) wantsEnd(why ending, wrong error) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.t.Fatal("the stream is not over")
	}
	if got := c.stream.ending(); got != why {
		c.t.Errorf("its end began by %q, want %q", got, why)
	}
	if !errors.Is(c.err, wrong) || (wrong == nil && c.err != nil) {
		c.t.Errorf("its error is %v, want %v", c.err, wrong)
	}
}

var (
	hello       = []byte{0x81, 5, 'h', 'e', 'l', 'l', 'o'}
	fragment    = []byte{0x01, 1, 'a'}
	asked       = []byte{0x81, 0x81, 1, 2, 3, 4, 'a' ^ 1} // masked
	restart     = websocket.ServiceRestart.Close()
	away        = websocket.GoingAway.Close()
	clientClose = []byte{0x88, 0x82, 0, 0, 0, 0, 3, 0xe8}
	ownClose    = []byte{0x88, 2, 3, 0xe8}
)

func TestADrainEndsAStreamInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "")
		c.says(c.backend, hello)
		c.says(c.client, asked)
		close(c.departure)
		pass(spread)
		c.wants(c.client, hello, restart)
		c.says(c.backend, hello) // nothing may follow a close frame
		c.says(c.client, asked)  // but what the client still says arrives
		c.wants(c.client, hello, restart)
		c.wants(c.backend, asked, asked)
		if c.ended(c.client) {
			t.Error("the client's connection ended before it answered the close frame")
		}
		c.says(c.client, clientClose)
		c.wants(c.backend, asked, asked, clientClose)
		if !c.ended(c.client) {
			t.Error("the client's connection goes on though both have sent close frames")
		}
		c.client.Close()
		c.says(c.backend, ownClose)
		c.backend.Close()
		c.wantsEnd(byDrain, nil)
		if told := c.goodbyes(); len(told) != 1 || told[0] != "drain" {
			t.Errorf("told: %v", told)
		}
	})
}

func TestClientsAreToldOverAWhileAndNotAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 200
		var all []*carried
		for range streams {
			all = append(all, carry(t, ""))
		}
		for _, c := range all {
			close(c.departure)
		}
		const parts = 4
		before := 0
		for i := range parts {
			pass(spread / parts)
			told := 0
			for _, c := range all {
				told += len(c.goodbyes())
			}
			if told-before < streams/parts/4 {
				t.Errorf("%d of %d were told in part %d of %d", told-before, streams, i+1, parts)
			}
			before = told
		}
		if before != streams {
			t.Errorf("%d of %d were told in all", before, streams)
		}
	})
}

func TestTheGoodbyeWaitsForTheEndOfAFrame(t *testing.T) {
	for name, c := range map[string]struct{ before, after, want []byte }{
		"in a header":       {hello[:1], hello[1:], hello},
		"in a payload":      {hello[:4], hello[4:], hello},
		"and takes no more": {hello[:4], append(bytes.Clone(hello[4:]), hello...), hello},
		"not of a message":  {fragment, nil, fragment},
		"of a fragment":     {fragment[:2], append(bytes.Clone(fragment[2:]), hello...), fragment},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := carry(t, "")
				s.says(s.backend, c.before)
				close(s.departure)
				pass(spread)
				if c.after != nil {
					s.wants(s.client, c.before)
					s.says(s.backend, c.after)
				}
				s.wants(s.client, c.want, restart)
			})
		})
	}
}

func TestAStreamWhoseFrameDoesNotEndIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "")
		c.says(c.backend, hello[:3])
		close(c.departure)
		pass(spread)
		c.says(c.backend, hello[3:5])
		pass(patience)
		c.wants(c.client, hello[:5])
		c.wantsEnd(byDrain, errCut)
	})
}

func TestAClientThatTakesNothingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "client")
		c.says(c.backend, hello)
		close(c.departure)
		pass(spread + patience)
		c.wantsEnd(byDrain, errClient)
	})
}

func TestABackendIsToldForAClientThatDoesNotAnswer(t *testing.T) {
	for name, leave := range map[string]func(*carried){
		"silent": func(c *carried) { pass(patience) },
		"gone":   func(c *carried) { c.client.Close() },
		"reset":  func(c *carried) { c.client.reset() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := carry(t, "")
				c.says(c.client, asked)
				close(c.departure)
				pass(spread)
				leave(c)
				synctest.Wait()
				c.mu.Lock()
				got := c.toBackend.Bytes()[len(asked):]
				c.mu.Unlock()
				if len(got) != 8 || got[0] != 0x88 || got[1] != 0x82 || got[6]^got[2] != 1001>>8 || got[7]^got[3] != 1001&0xff {
					t.Errorf("the backend got %x", got)
				}
				if !c.ended(c.backend) || !c.ended(c.client) {
					t.Error("the connections go on")
				}
				pass(patience) // the backend does not close either
				c.wantsEnd(byDrain, nil)
			})
		})
	}
}

func TestNothingIsPutIntoAFrameOfTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "")
		c.says(c.client, asked[:4])
		close(c.departure)
		pass(spread + 2*patience)
		c.wants(c.backend, asked[:4])
		c.wantsEnd(byDrain, nil)
	})
}

func TestACloseFrameOfTheBackendsIsLeftAlone(t *testing.T) {
	for name, begin := range map[string]func(*carried){
		"whole":     func(c *carried) { c.says(c.backend, ownClose) },
		"begun":     func(c *carried) { c.says(c.backend, ownClose[:1]) },
		"asked for": func(c *carried) { c.says(c.client, clientClose) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := carry(t, "")
				begin(c)
				close(c.departure)
				c.leave.Begin(5 * time.Second)
				pass(time.Minute)
				if name == "begun" {
					c.says(c.backend, ownClose[1:])
				}
				why := byBackend
				if name == "asked for" {
					why = byClient
					c.says(c.backend, ownClose)
				} else {
					c.says(c.client, clientClose)
				}
				c.backend.Close()
				c.client.Close()
				c.wants(c.client, ownClose)
				c.wants(c.backend, clientClose)
				c.wantsEnd(why, nil)
				if told := c.goodbyes(); told != nil {
					t.Errorf("told: %v", told)
				}
			})
		})
	}
}

func TestAClientWhoseBackendIsLostIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		lose  func(*half)
		wrong error
	}{
		"end":   {func(b *half) { b.Close() }, nil},
		"half":  {func(b *half) { b.CloseWrite() }, nil},
		"reset": {(*half).reset, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := carry(t, "")
				s.says(s.backend, hello)
				c.lose(s.backend)
				synctest.Wait()
				s.wants(s.client, hello)
				pass(spread)
				s.wants(s.client, hello, restart)
				s.says(s.client, clientClose)
				s.client.Close()
				pass(patience)
				s.wantsEnd(byLoss, c.wrong)
			})
		})
	}
}

func TestAClientThatSpeaksToALostBackendIsToldAtOnce(t *testing.T) {
	for _, said := range [][]byte{asked, clientClose} {
		synctest.Test(t, func(t *testing.T) {
			c := carry(t, "")
			c.backend.Close()
			synctest.Wait()
			c.wants(c.client)
			c.says(c.client, said)
			c.wants(c.client, restart)
		})
	}
}

func TestALossInTheMiddleOfAFrameCutsTheStreamOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "")
		c.says(c.backend, hello[:3])
		c.backend.Close()
		c.wants(c.client, hello[:3])
		c.wantsEnd(byLoss, errCut)
	})
}

func TestALossDuringADrainIsPartOfTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "")
		close(c.departure)
		synctest.Wait()
		c.backend.reset()
		pass(spread)
		c.wants(c.client, restart)
		c.client.Close()
		c.wantsEnd(byDrain, nil)
	})
}

func TestTheProxysEndSaysGoingAwayInTheFirstHalfOfItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []*carried
		for range 50 {
			c := carry(t, "")
			all = append(all, c)
			c.leave.Begin(5 * time.Second)
		}
		pass(10 * time.Second / 4)
		told := 0
		for _, c := range all {
			told += len(c.goodbyes())
		}
		if told == 0 || told == len(all) {
			t.Errorf("%d of %d were told in the first quarter", told, len(all))
		}
		pass(10 * time.Second / 4)
		for _, c := range all {
			c.wants(c.client, away)
		}
	})
}

func TestTheEarliestReasonCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			c := carry(t, "")
			c.leave.Begin(5 * time.Second)
			synctest.Wait()
			close(c.departure)
			pass(spread)
			told := c.goodbyes()
			if len(told) != 1 {
				t.Fatalf("told: %v", told)
			}
			if c.wants(c.client, map[string][]byte{"drain": restart, "leave": away}[told[0]]); t.Failed() {
				return
			}
		}
	})
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	for _, when := range []string{"before", "while it waits", "after it was told"} {
		synctest.Test(t, func(t *testing.T) {
			c := carry(t, "")
			if when != "before" {
				c.leave.Begin(5 * time.Second)
			}
			if when == "after it was told" {
				pass(5 * time.Second)
			}
			c.cancel()
			synctest.Wait()
			if !c.stream.over.happened() || !c.ended(c.client) || !c.ended(c.backend) {
				t.Errorf("%s: it goes on", when)
			}
		})
	}
}

func TestAStreamPassesEachSidesEndOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := carry(t, "")
		c.says(c.client, asked)
		c.client.CloseWrite()
		synctest.Wait()
		if !c.ended(c.backend) || c.ended(c.client) {
			t.Fatal("the client's end was not passed on as such")
		}
		close(c.departure)
		pass(time.Minute) // it has left already
		c.says(c.backend, hello)
		c.backend.CloseWrite()
		c.wants(c.client, hello)
		c.wantsEnd(byClient, nil)
	})
}
