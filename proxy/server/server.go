// Package server is HTTP/1.1 from clients' connections to an http.Handler. Unlike net/http's server it takes
// only requests whose end cannot be disputed (RFC 9112 section 6), and it lends what a request needs, so that neither a
// request nor an idle connection costs much.
package server

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Limits are what a server bears from its clients; for each, 0 is no bound unless it says otherwise.
type Limits struct {
	Connections int            // in all; must be set
	PerAddress  int            // from one public address
	Spared      []netip.Prefix // that bound does not hold for these: trusted peers

	HeadBytes int           // of a head; must be set
	Fields    int           // of a head, besides the Host; must be set
	Head      time.Duration // for a whole head
	Read      time.Duration // for a whole request with its body
	Write     time.Duration // for a whole answer
	Idle      time.Duration // between two requests
	Silence   time.Duration // while a body is due, or an answer not taken
	Tunnel    time.Duration // in which a connection that was taken over carries nothing
}

// A Server answers the requests that come over its connections. Its fields are not changed once it serves.
type Server struct {
	// Handler answers. Its ResponseWriter is a Writer and does all that http.ResponseController knows; bodies
	// are full duplex always. The request, its header and its context are the handler's until it
	// returns, and used again thereafter, unless the request has a body or somebody has asked for
	// its context's Done. A panic cuts the connection off, and is logged unless it is http.ErrAbortHandler.
	Handler http.Handler
	// Refuse answers what cannot be taken for a request. r has what could be read of it, err
	// has a method Status. The connection ends with the answer.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	Limits Limits
	Log    zerolog.Logger

	begin sync.Once
	conns connections
	clock clock
	spare sync.Pool // of *exchange
}

func (s *Server) init() { s.begin.Do(func() { s.conns.init(s.Limits) }) }

// Serve takes connections from ln until Close, or until ln fails, because it was closed for example: those that
// there are go on then. Beyond the limit of all, connections wait in the listener's queue; beyond that of one
// address they are closed at once. Without descriptors it slows down until there are some again.
func (s *Server) Serve(ln net.Listener) error {
	s.init()
	var pause time.Duration
	for s.conns.awaitRoom(s.full) {
		socket, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			s.take(socket)
		case !passing(err):
			return err
		default:
			pause = min(max(2*pause, firstPause), longestPause)
			s.Log.Warn().Err(err).Dur("pause", pause).Msg("cannot accept connections")
			s.conns.sleep(pause)
		}
	}
	return net.ErrClosed
}

// Pauses after an Accept that failed.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
)

// passing tells errors of Accept that pass: of the connection alone, or for want of something.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Server) full() {
	s.Log.Warn().Int("connections", s.Limits.Connections).Msg("too many connections: others wait until one of these ends")
}

func (s *Server) take(socket net.Conn) {
	c := newConn(s, socket)
	if !s.conns.admit(c) {
		socket.Close()
		return
	}
	go c.serve()
}

// Close ends everything at once: no more is accepted, the contexts of requests are cancelled, connections closed.
// It returns when all handlers have.
func (s *Server) Close() {
	s.init()
	s.conns.close()
}

// Connections tells how many there are, those that were taken over included.
func (s *Server) Connections() int {
	s.init()
	return s.conns.count()
}

// Saturated tells whether connections wait because there are too many.
func (s *Server) Saturated() bool { return s.conns.wanted.Load() }

// CloseIdle says goodbye on those connections that have no request: they are closed for
// writing, so that a client sees an orderly end and takes a new connection. A full close would
// answer a request that crosses it with a reset, of which a client cannot tell how much was processed; so the other
// half stays open until the client has closed it, and what crosses is left unread.
func (s *Server) CloseIdle() {
	s.init()
	s.conns.closeIdle()
}
