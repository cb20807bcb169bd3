package server

import (
	"net"
	"net/netip"
	"testing"
)

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	from string
}

func (a addressed) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(a.from), 999))
}

func TestOneAddressGetsOnlySoManyConnectionsUnlessItStandsForMany(t *testing.T) {
	s := &Server{Limits: Limits{Connections: 100, PerAddress: 2, Spared: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}
	s.init()
	admit := func(from string) *conn {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		if c := newConn(s, addressed{near, from}); s.conns.admit(c) {
			return c
		}
		return nil
	}
	for _, c := range []struct {
		from    [3]string
		refused bool
	}{
		{[3]string{"192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"}, true},
		{[3]string{"192.0.2.2", "192.0.2.3", "192.0.2.4"}, false},
		{[3]string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}, true}, // one network
		{[3]string{"2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"}, false},
		{[3]string{"198.51.100.1", "198.51.100.1", "198.51.100.1"}, false}, // trusted
		{[3]string{"10.0.0.2", "10.0.0.2", "10.0.0.2"}, false},             // the mesh
	} {
		var conns []*conn
		for _, from := range c.from {
			conns = append(conns, admit(from))
		}
		if conns[0] == nil || conns[1] == nil || (conns[2] == nil) != c.refused {
			t.Errorf("%v: %v", c.from, conns)
		}
		conns[0].Close()
		conns[0].Close() // counted once
		conns[1].Close()
		if admit(c.from[0]) == nil {
			t.Errorf("%v: refused after the others had gone", c.from)
		}
	}
}
