package sim

import (
	"net"
	"sync"
)

// gate is a link that can be cut: while it is closed nothing passes, in neither direction. What processes
// write waits here; what is sent to them their kernel drops, where cut can have it do so.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // nil while open
	conns  map[net.Conn]struct{}
}

func newGate() *gate { return &gate{conns: make(map[net.Conn]struct{})} }

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		return
	}
	g.opened = make(chan struct{})
	for c := range g.conns {
		cut(c)
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		return
	}
	for c := range g.conns {
		mend(c)
	}
	close(g.opened)
	g.opened = nil
}

// join puts a connection behind the gate. It may have been made just before that was closed.
func (g *gate) join(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = struct{}{}
	if g.opened != nil {
		cut(c)
	}
}

func (g *gate) leave(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
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

// gatedListener and its connections pass a gate until their process is dead.
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
	l.gate.join(c)
	if !acceptsDeaf {
		l.gate.pass(l.dead)
	}
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

func (c gatedConn) Close() error {
	c.gate.leave(c.Conn)
	return c.Conn.Close()
}
