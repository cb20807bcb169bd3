package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// SetReadDeadline is for http.ResponseController. It holds until it is taken back or the request is over, and
// ends a Read of the body that is under way.
func (w *Writer) SetReadDeadline(t time.Time) error { return w.x.c.in.ask(t) }

// SetWriteDeadline is for http.ResponseController.
func (w *Writer) SetWriteDeadline(t time.Time) error { return w.x.c.out.ask(t) }

// EnableFullDuplex is for http.ResponseController. It is so always.
func (w *Writer) EnableFullDuplex() error { return nil }

// Hijack implements http.Hijacker: the connection is the handler's, from the first byte after the request's head.
// It must be closed, and counts until then.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	x := w.x
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.status != 0:
		return nil, nil, errors.New("the answer was begun")
	}
	x.endReading()
	w.hijacked, w.status = true, http.StatusSwitchingProtocols
	x.c.state.Store(taken)
	t := &tunnel{Conn: x.c.Conn, c: x.c, idle: x.c.server.Limits.Tunnel}
	_ = x.c.in.ask(time.Time{})
	x.c.in.allow(0, time.Time{})
	early := bytes.Clone(x.in.Buffered())
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), t), len(early))
	_, err := in.Peek(len(early)) // so that they count as buffered
	return t, bufio.NewReadWriter(in, bufio.NewWriter(t)), err
}

// tunnel is a connection that a handler has taken over. It ends when it has carried nothing in either direction
// for too long.
type tunnel struct {
	net.Conn
	c     *conn
	idle  time.Duration
	moved atomic.Int64 // when something last moved: nanoseconds since epoch
}

// epoch is what times are kept by, with the monotonic clock: the wall clock may jump.
var epoch = time.Now()

func (t *tunnel) move() { t.moved.Store(int64(time.Since(epoch))) }

func (t *tunnel) Read(p []byte) (int, error) {
	for {
		if t.idle > 0 {
			t.c.in.allow(0, t.lastMoved().Add(t.idle))
		}
		n, err := t.Conn.Read(p)
		if n == 0 && timedOut(err) && t.c.in.ours() && time.Since(t.lastMoved()) < t.idle {
			continue // the other direction has moved meanwhile
		}
		t.move()
		return n, err
	}
}

func (t *tunnel) lastMoved() time.Time {
	if at := t.moved.Load(); at != 0 {
		return epoch.Add(time.Duration(at))
	}
	return time.Now()
}

func (t *tunnel) Write(p []byte) (int, error) {
	if t.idle > 0 {
		t.move()
	}
	t.c.out.allow(t.c.server.Limits.Silence, time.Time{})
	return t.Conn.Write(p)
}

// CloseWrite says that no more will be written.
func (t *tunnel) CloseWrite() error { return closeWrite(t.Conn) }

func (t *tunnel) Close() error                        { return t.c.Close() }
func (t *tunnel) SetReadDeadline(at time.Time) error  { return t.c.in.ask(at) }
func (t *tunnel) SetWriteDeadline(at time.Time) error { return t.c.out.ask(at) }
func (t *tunnel) SetDeadline(at time.Time) error {
	return errors.Join(t.c.in.ask(at), t.c.out.ask(at))
}
