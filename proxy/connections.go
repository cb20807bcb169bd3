package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// limits are what an entry point bears from its clients.
type limits struct {
	connections int            // in all
	perAddress  int            // from one address; 0: no bound
	spared      []netip.Prefix // that bound does not hold for these: trusted peers
	silence     time.Duration  // see silence
	tunnelIdle  time.Duration  // 0: no bound
}

// connections knows the client connections of an entry point: to bound them, and for the end,
// when those that are idle are closed last, and gently.
type connections struct {
	limits limits
	full   func() // called when the limit is reached, after having not been

	mu      sync.Mutex // taken when a connection comes or goes, by a request only while room is wanted
	all     map[*connection]struct{}
	from    map[netip.Addr]int
	wanted  atomic.Bool   // somebody waits for room; written under mu
	room    chan struct{} // holds a token when room may have come
	stopped chan struct{}
	stop    func()
}

func newConnections(l limits, full func()) *connections {
	cs := &connections{limits: l, full: full, all: map[*connection]struct{}{}, from: map[netip.Addr]int{},
		room: make(chan struct{}, 1), stopped: make(chan struct{})}
	cs.stop = sync.OnceFunc(func() { close(cs.stopped) })
	return cs
}

// awaitRoom waits until one more connection may be taken; false if none will be any more. A
// connection without a request makes room for one that has waited.
func (cs *connections) awaitRoom() bool {
	for told := false; ; told = true {
		if cs.hasRoom() {
			return true
		}
		if !told {
			cs.full()
		}
		select {
		case <-cs.room:
		case <-cs.stopped:
			return false
		}
	}
}

// hasRoom also closes an idle connection if that is what it takes, and leaves wanted set if not.
func (cs *connections) hasRoom() bool {
	cs.mu.Lock()
	full := len(cs.all) >= cs.limits.connections
	cs.wanted.Store(full)
	if !full {
		cs.mu.Unlock()
		return true
	}
	victim := cs.anyIdle()
	cs.mu.Unlock()
	if victim != nil {
		victim.Close() // its client sees the same as after the idle time-out
	}
	return victim != nil
}

func (cs *connections) anyIdle() *connection {
	for c := range cs.all {
		if c.state.Load() == int32(http.StateIdle) {
			return c
		}
	}
	return nil
}

// saturated tells whether connections wait because there are too many.
func (cs *connections) saturated() bool { return cs.wanted.Load() }

// admit takes a connection in; nil if its address has too many already.
func (cs *connections) admit(c net.Conn) *connection {
	conn := newConnection(c, cs)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if peer := cs.counted(c.RemoteAddr()); peer.IsValid() {
		if cs.from[peer] >= cs.limits.perAddress {
			return nil
		}
		cs.from[peer]++
		conn.peer = peer
	}
	cs.all[conn] = struct{}{}
	return conn
}

// counted is what a client is counted under: its address, or its network of 64 bits in IPv6,
// where one host has as many addresses as it likes. Not valid for those that are not counted: trusted
// peers, and private addresses, because behind the mesh of a Swarm all the world has the node's.
func (cs *connections) counted(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || cs.limits.perAddress <= 0 {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	for _, p := range cs.limits.spared {
		if p.Contains(addr) {
			return netip.Addr{}
		}
	}
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

// remove is called when a connection has been closed, by whoever had it.
func (cs *connections) remove(c *connection) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, c)
	if c.peer.IsValid() {
		if cs.from[c.peer]--; cs.from[c.peer] == 0 {
			delete(cs.from, c.peer)
		}
	}
	cs.mayHaveRoom()
}

// mayHaveRoom wakes who waits for room. cs.mu is held.
func (cs *connections) mayHaveRoom() {
	if cs.wanted.Load() {
		select {
		case cs.room <- struct{}{}:
		default:
		}
	}
}

// changed is the server's ConnState hook.
func (cs *connections) changed(c net.Conn, state http.ConnState) {
	conn, ok := c.(*connection)
	if !ok {
		return
	}
	conn.state.Store(int32(state))
	if state != http.StateIdle {
		return
	}
	conn.fault.Store(nil) // it was the last request's, whose upload was interrupted, say
	if cs.wanted.Load() {
		cs.mu.Lock()
		cs.mayHaveRoom()
		cs.mu.Unlock()
	}
}

// count tells how many connections there are in all.
func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.all)
}

// closeIdle says goodbye on those connections that have no request: they are closed for
// writing, so that a client sees an orderly end and takes a new connection, while the server
// goes on reading until the client has closed too. A full close would answer a request that
// crosses it with a reset, of which a client cannot tell how much was processed.
func (cs *connections) closeIdle() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.all {
		if s := http.ConnState(c.state.Load()); s == http.StateIdle || s == http.StateNew {
			_ = c.CloseWrite() // it may be gone already
		}
	}
}
