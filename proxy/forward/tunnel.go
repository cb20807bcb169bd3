package forward

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/fairlead-proxy/fairlead/balancer"
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
func (j *job) tunnel(resp *http.Response, b *balancer.Backend) error {
	agreed := upgradeOf(resp.Header, []string{strings.ToLower(j.rec.Upgrade)})
	backend, ok := resp.Body.(halfCloser)
	if !ok || agreed == "" || len(resp.Header["Upgrade"]) > 1 {
		return fmt.Errorf("%w: asked for %q, got %q", errUpgrade, j.rec.Upgrade, resp.Header["Upgrade"])
	}
	defer backend.Close()
	conn, buffered, err := http.NewResponseController(j.w).Hijack()
	if err != nil {
		return fmt.Errorf("take over the client's connection: %w", err)
	}
	defer conn.Close()
	if err := writeSwitch(conn, j.w.Header(), resp, agreed); err != nil {
		return fmt.Errorf("%w: %w", errClient, err)
	}
	early := leftover(buffered)
	if strings.EqualFold(agreed, "websocket") {
		return j.stream(conn, early, backend, b)
	}
	client := clientSide{conn}
	up := make(chan error, 1)
	go func() { up <- oneWay(backend, io.MultiReader(early, client), backend, client) }()
	down := oneWay(client, backend, backend, client)
	return errors.Join(<-up, down)
}

// stream carries a WebSocket.
func (j *job) stream(conn net.Conn, early io.Reader, backend halfCloser, b *balancer.Backend) error {
	s := newStream(conn, backend)
	err := s.run(j.r.Context(), early, reasons{
		departure: b.Departure(),
		leave:     j.rec.Leave,
		told: func(why string) {
			j.rec.Observer.Told(why)
			j.f.opt.Told(b.Task(), why)
		},
	})
	j.rec.Ended = s.ending().String()
	return err
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
	err := relay(dst, src)
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

// relay copies until src ends.
func relay(dst io.Writer, src io.Reader) error {
	t := newTide()
	defer t.free()
	for {
		n, err := src.Read(t.buffer())
		if n > 0 {
			if _, err := dst.Write(t.buffer()[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		t.took(n)
	}
}

// clientSide is the client's end of a tunnel, whose errors are the client's: that one breaks off is
// the way in which most WebSockets end.
type clientSide struct{ net.Conn }

func (c clientSide) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errClient, err)
	}
	return n, err
}

func (c clientSide) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errClient, err)
	}
	return n, err
}

// CloseWrite closes a connection whole that cannot be closed by halves.
func (c clientSide) CloseWrite() error {
	if half, ok := c.Conn.(halfCloser); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
