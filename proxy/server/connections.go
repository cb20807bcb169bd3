package server

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// connections are all that a server has: to bound them, and to end them.
type connections struct {
	limits Limits

	mu      sync.Mutex // taken when a connection comes or goes, by a request only while room is wanted
	all     []*conn    // each knows its place
	hand    int        // where the search for an idle one goes on
	from    map[netip.Addr]int
	wanted  atomic.Bool   // somebody waits for room; written under mu
	room    chan *conn    // holds one that may make room, or nil, if room may have come
	stopped chan struct{} // closed when no more are accepted
	stop    func()
	ending  sync.WaitGroup // their goroutines
}

func (cs *connections) init(l Limits) {
	cs.limits, cs.from = l, map[netip.Addr]int{}
	cs.room, cs.stopped = make(chan *conn, 1), make(chan struct{})
	cs.stop = sync.OnceFunc(func() { close(cs.stopped) })
}

func (cs *connections) hasStopped() bool {
	select {
	case <-cs.stopped:
		return true
	default:
		return false
	}
}

// sleep ends early when no more connections are accepted.
func (cs *connections) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-cs.stopped:
	}
}

// awaitRoom waits until one more connection may be taken; false if none will be any more. A
// connection without a request makes room for one that has waited. full is called if there is none.
func (cs *connections) awaitRoom(full func()) bool {
	if cs.hasRoom() || cs.evictAny() {
		return !cs.hasStopped()
	}
	full()
	for {
		select {
		case c := <-cs.room:
			if c != nil && c.evict() || cs.hasRoom() || cs.evictAny() {
				return true
			}
		case <-cs.stopped:
			return false
		}
	}
}

// hasRoom leaves wanted set if there is none.
func (cs *connections) hasRoom() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	full := len(cs.all) >= cs.limits.Connections
	cs.wanted.Store(full)
	return !full
}

// look is how many connections are looked at while the lock is held.
const look = 64

// evictAny closes an idle connection, if there is one.
func (cs *connections) evictAny() bool {
	for left := cs.count(); left > 0; left -= look {
		if c := cs.anyIdle(); c != nil && c.evict() {
			return true
		}
	}
	return false
}

// anyIdle looks at the next few.
func (cs *connections) anyIdle() *conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for range min(look, len(cs.all)) {
		cs.hand = (cs.hand + 1) % len(cs.all)
		if c := cs.all[cs.hand]; c.state.Load() == idle {
			return c
		}
	}
	return nil
}

// admit takes a connection in; false if its address has too many already, or all have ended.
func (cs *connections) admit(c *conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.hasStopped() {
		return false
	}
	if peer := cs.counted(c.RemoteAddr()); peer.IsValid() {
		if cs.from[peer] >= cs.limits.PerAddress {
			return false
		}
		cs.from[peer]++
		c.peer = peer
	}
	c.place = len(cs.all)
	cs.all = append(cs.all, c)
	cs.ending.Add(1)
	return true
}

// counted is what a client is counted under: its address, or its network of 64 bits in IPv6,
// where one host has as many addresses as it likes. Not valid for those that are not counted: trusted
// peers, and private addresses, because behind the mesh of a Swarm all the world has the node's.
func (cs *connections) counted(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || cs.limits.PerAddress <= 0 {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	for _, p := range cs.limits.Spared {
		if p.Contains(addr) {
			return netip.Addr{}
		}
	}
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

// remove is called once for each connection that was admitted, by whoever closes it.
func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	last := len(cs.all) - 1
	cs.all[c.place], cs.all[last].place = cs.all[last], c.place
	cs.all[last] = nil
	cs.all = cs.all[:last]
	if c.peer.IsValid() {
		if cs.from[c.peer]--; cs.from[c.peer] == 0 {
			delete(cs.from, c.peer)
		}
	}
	cs.mayHaveRoom(nil)
}

// mayHaveRoom wakes who waits for room.
func (cs *connections) mayHaveRoom(c *conn) {
	if cs.wanted.Load() {
		select {
		case cs.room <- c:
		default:
		}
	}
}

func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.all)
}

// list is all of them at this moment.
func (cs *connections) list() []*conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return append([]*conn(nil), cs.all...)
}

func (cs *connections) closeIdle() {
	for _, c := range cs.list() {
		if s := c.state.Load(); s == idle || s == fresh {
			c.goodbye()
		}
	}
}

// close ends all of them, and waits for their goroutines.
func (cs *connections) close() {
	cs.mu.Lock()
	cs.stop()
	cs.mu.Unlock()
	for _, c := range cs.list() {
		c.abort()
	}
	cs.ending.Wait()
}
