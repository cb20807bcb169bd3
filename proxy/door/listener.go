package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Trip is how long a handshake that has begun may take to its end.
const Trip = 250 * time.Millisecond

const (
	// startup is how long a proxy waits for its first door: their containers start in any order, and a door that goes
	// may take its time.
	startup = 50 * time.Second

	// again is the time between two tries to reach a door; it adds to what a door's restart costs.
	again = 50 * time.Millisecond

	// last is how long an old door's socket is still accepted from when there is a new one: what waits in
	// its queue would be reset.
	last = 50 * time.Millisecond
)

// A Listener accepts from the socket that a door holds for an entry point. When the door is replaced it goes over
// to the new one's. Connections that nobody accepts at the moment wait in that socket, never here.
type Listener struct {
	// Going is called when the door is about to go, and will cut the connections that came by its socket. The door
	// waits until it returns. It is to call LetGo, and at once if its context ends: then the door has gone, or Run
	// is to end.
	Going func(context.Context)

	path, name string
	log        zerolog.Logger
	life       context.Context
	end        context.CancelFunc

	mu            sync.Mutex
	taken         bool          // a door has given a socket, be it long ago
	here          chan struct{} // closed when there is a socket
	current, next *net.TCPListener
	ending        bool // the queue of current is being emptied
}

// NewListener makes a listener for the entry point of the name; Run brings it the sockets.
func NewListener(path, name string, log zerolog.Logger) *Listener {
	l := &Listener{path: path, name: name, log: log, here: make(chan struct{})}
	l.Going = l.LetGo
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// Run takes the socket from the door, and follows the door until ctx ends. It fails if no door gives a socket within
// its first 50 s. Later on it never does: it goes on with what it has. Close does not end it while there is
// a door: that would take it for the end of what was accepted.
func (l *Listener) Run(ctx context.Context) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	t, err := l.takeFirst(asking)
	for err == nil {
		l.log.Info().Str("address", t.Address).Str("door", l.path).Msg("listening, with the door's socket")
		if t.Wait(ctx) {
			l.log.Warn().Str("door", l.path).Msg("the door is about to go: what came through the ports that it published is let finish")
			over, stop := t.life(ctx)
			l.Going(over)
			stop()
		}
		t.Close()
		if asking.Err() != nil {
			break
		}
		l.log.Warn().Str("door", l.path).Msg("the door has gone: until it is back, no connections come through the ports that it published")
		gone := time.Now()
		if t, err = l.take(asking); err == nil {
			l.log.Warn().Str("door", l.path).Dur("gone_ms", time.Since(gone)).Msg("the door is back")
		}
	}
	if asking.Err() != nil {
		return nil
	}
	return err
}

func (l *Listener) takeFirst(ctx context.Context) (*Taken, error) {
	bounded, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	t, err := l.take(bounded)
	if err != nil {
		return nil, fmt.Errorf("entry point %s: no socket from a door for %v: run `fairlead door` on this node, with the same volume and "+
			"the same options --entrypoints.%s.address and .door: %w", l.name, startup, l.name, err)
	}
	return t, nil
}

// take asks until there is a socket. It fails only when ctx has ended, with what was in the way before.
func (l *Listener) take(ctx context.Context) (*Taken, error) {
	var why error
	for {
		t, err := l.try(ctx)
		switch {
		case err == nil:
			return t, nil
		case ctx.Err() != nil && why != nil:
			return nil, why
		case ctx.Err() != nil:
			return nil, err
		case why == nil || why.Error() != err.Error():
			l.log.Warn().Err(err).Msg("waiting for the door")
		}
		why = err
		pause(ctx, again)
	}
}

func (l *Listener) try(ctx context.Context) (*Taken, error) {
	t, err := Take(ctx, l.path, TCP, l.name)
	if err != nil {
		return nil, err
	}
	ln, err := t.Listener()
	if err != nil {
		t.Close()
		return nil, err
	}
	l.install(ln)
	return t, nil
}

// install has connections accepted from ln: next, if there is an old socket.
func (l *Listener) install(ln *net.TCPListener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.life.Err() != nil:
		ln.Close()
	case l.current == nil:
		l.current, l.taken = ln, true
		close(l.here)
	default:
		if l.next != nil {
			l.next.Close() // its door has gone already
		}
		l.next = ln
		_ = l.current.SetDeadline(time.Now()) // wakes Accept, which goes over to the next
	}
}

// LetGo closes the socket, once what was begun has been accepted, and has Accept wait for the next door's. For other proxies it
// is as good as closed, too. Once all have done so, connections are refused.
func (l *Listener) LetGo(ctx context.Context) {
	ln, _ := l.socket()
	if ln == nil {
		return
	}
	_ = Deafen(ln) // else some are reset
	pause(ctx, Trip)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == ln {
		l.closeAll()
		l.current, l.next, l.ending, l.here = nil, nil, false, make(chan struct{})
	}
}

// Accept takes the next connection; it waits while there is no socket.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		ln, here := l.socket()
		if ln == nil {
			select {
			case <-here:
				continue
			case <-l.life.Done():
				return nil, net.ErrClosed
			}
		}
		c, err := ln.Accept()
		switch {
		case err == nil:
			return c, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			l.goOver(ln)
		case !errors.Is(err, net.ErrClosed) || l.life.Err() != nil:
			return nil, err
		}
	}
}

// socket is the current one; if there is none, the channel is closed when there is.
func (l *Listener) socket() (*net.TCPListener, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current, l.here
}

// goOver puts the next socket in the place of an old one, whose queue is emptied before.
func (l *Listener) goOver(old *net.TCPListener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.current != old:
	case !l.ending:
		l.ending = true
		_ = old.SetDeadline(time.Now().Add(last)) // fails if it is closed, as Accept will
	default:
		old.Close()
		l.current, l.next, l.ending = l.next, nil, false
	}
}

// Taken tells whether a door has given a socket, be it that this door has gone since.
func (l *Listener) Taken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// Addr is where the socket listens, in the door's network namespace; while there is none, the door.
func (l *Listener) Addr() net.Addr {
	if ln, _ := l.socket(); ln != nil {
		return ln.Addr()
	}
	return &net.UnixAddr{Name: l.path, Net: network}
}

// Close closes the socket. Connections in its queue stay there for others. The door is told when Run ends.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
	l.closeAll()
	return nil
}

func (l *Listener) closeAll() {
	for _, ln := range []*net.TCPListener{l.current, l.next} {
		if ln != nil {
			ln.Close()
		}
	}
}
