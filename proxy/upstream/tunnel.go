package upstream

import (
	"errors"
	"io"
)

// A Tunnel is the Body of a 101 answer: the connection itself, after the switch of protocols (RFC
// 9110 section 7.8). Bytes that came together with the answer's head are read first. Reading and
// writing may go on at once. A Read that finds the backend's side closed returns io.EOF.
type Tunnel interface {
	io.ReadWriteCloser
	// CloseWrite tells the backend that nothing more will be written; reading goes on.
	CloseWrite() error
}

type tunnel struct{ e *exchange }

func (t *tunnel) Read(p []byte) (int, error) {
	e := t.e
	if len(e.in.Buffered()) > 0 {
		return e.in.Read(p)
	}
	e.in.Free()
	n, err := e.conn.Read(p)
	return n, t.failure(OpRead, err)
}

func (t *tunnel) Write(p []byte) (int, error) {
	n, err := t.e.conn.Write(p)
	return n, t.failure(OpWrite, err)
}

func (t *tunnel) CloseWrite() error {
	c, ok := t.e.conn.Conn.(interface{ CloseWrite() error })
	if !ok {
		return t.failure(OpWrite, errors.ErrUnsupported)
	}
	return t.failure(OpWrite, c.CloseWrite())
}

// Close ends both directions, and a Read or Write under way.
func (t *tunnel) Close() error {
	if t.e.over.CompareAndSwap(false, true) {
		t.e.ignore()
		return t.failure(OpWrite, t.e.conn.Close())
	}
	return nil
}

func (t *tunnel) failure(op Op, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return t.e.failure(Answered, op, err)
}
