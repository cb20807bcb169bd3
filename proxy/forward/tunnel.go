package forward

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// errUpgrade is a backend's 101 that does not answer what was asked.
var errUpgrade = errors.New("backend switched protocols unasked")

// halfCloser is one side of a tunnel.
type halfCloser interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// tunnel answers 101 and then carries bytes both ways until both sides have ended, each
// side's end being passed on as such.
func tunnel(w http.ResponseWriter, resp *http.Response, asked string) error {
	agreed := upgradeOf(resp.Header, []string{strings.ToLower(asked)})
	backend, ok := resp.Body.(halfCloser)
	if !ok || agreed == "" || len(resp.Header["Upgrade"]) > 1 {
		return fmt.Errorf("%w: asked for %q, got %q", errUpgrade, asked, resp.Header["Upgrade"])
	}
	defer backend.Close()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("take over the client's connection: %w", err)
	}
	defer conn.Close()
	if err := writeSwitch(conn, w.Header(), resp, agreed); err != nil {
		return fmt.Errorf("%w: %w", errClient, err)
	}
	half, ok := conn.(halfCloser)
	if !ok {
		half = wholeCloser{conn}
	}
	client := clientSide{half}
	up := make(chan error, 1)
	go func() { up <- oneWay(backend, io.MultiReader(leftover(buffered), client), backend, client) }()
	down := oneWay(client, backend, backend, client)
	return errors.Join(<-up, down)
}

// leftover is what the server had read beyond the request's head.
func leftover(rw *bufio.ReadWriter) io.Reader {
	return io.LimitReader(rw.Reader, int64(rw.Reader.Buffered()))
}

// writeSwitch writes the head of the 101 answer, with the fields that we added.
func writeSwitch(conn net.Conn, ours http.Header, resp *http.Response, agreed string) error {
	stripHopByHop(resp.Header)
	delete(ours, "Connection")
	copyHeader(ours, resp.Header)
	var b strings.Builder
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + agreed + "\r\n")
	if err := ours.Write(&b); err != nil {
		return err
	}
	b.WriteString("\r\n")
	_, err := io.WriteString(conn, b.String())
	return err
}

// oneWay copies until src ends and then ends dst for writing. If that fails neither side
// is of use any more, and closing both ends the other direction too.
func oneWay(dst halfCloser, src io.Reader, backend, client io.Closer) error {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	// The wrapper hides ReadFrom and WriteTo, which would ignore the pooled buffer.
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, buf[:])
	if err == nil {
		err = dst.CloseWrite()
	}
	if err != nil {
		backend.Close()
		client.Close()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
	}
	return err
}

// clientSide is the client's end of a tunnel, whose errors are the client's: that one breaks off is
// the way in which most WebSockets end.
type clientSide struct{ halfCloser }

func (c clientSide) Read(p []byte) (int, error) {
	n, err := c.halfCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errClient, err)
	}
	return n, err
}

func (c clientSide) Write(p []byte) (int, error) {
	n, err := c.halfCloser.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errClient, err)
	}
	return n, err
}

// wholeCloser is a connection that cannot be closed by halves.
type wholeCloser struct{ net.Conn }

func (c wholeCloser) CloseWrite() error { return c.Close() }
