package sim

import (
	"net"
	"sync"
)

// gate is a link that can be cut: while it is closed nothing passes, in neither direction.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // nil while open
}

func newGate() *gate { return &gate{} }

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

// pass waits until the gate is open, or given up.
func (g *gate) pass(giveUp <-chan struct{}) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	if opened == nil {
		return
	}
	select {
	case <-opened:
	case <-giveUp:
	}
}

// gatedListener and its connections pass a gate until their process is dead. The kernel goes on
// acknowledging what the peer sends; it gets no answer.
type gatedListener struct {
	net.Listener
	gate *gate
	dead <-chan struct{}
}

func (l gatedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.gate.pass(l.dead)
	return gatedConn{Conn: c, gate: l.gate, dead: l.dead}, nil
}

type gatedConn struct {
	net.Conn
	gate *gate
	dead <-chan struct{}
}

func (c gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate.pass(c.dead)
	return n, err
}

func (c gatedConn) Write(p []byte) (int, error) {
	c.gate.pass(c.dead)
	return c.Conn.Write(p)
}
