package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// WebSocket is the method of a Record that tells of a WebSocket from its beginning to its end.
const WebSocket = "WS"

// normal is a client's farewell (Normal Closure).
const normal = Farewell(1000)

// talk is the life of a client that has a WebSocket and sends something now and then; when it is told to go,
// it connects again.
func (r *Run) talk(ctx context.Context, number int) {
	c := newClient(number, r.opt)
	defer c.close()
	for pause(ctx, r.opt.Pause) {
		n, ok := r.next()
		if !ok {
			return
		}
		r.note(c.converse(ctx, fmt.Sprintf("%s%d-%d", r.opt.Prefix, number, n)))
	}
}

// converse is one WebSocket. Its end is right if the client was told to go, or if ctx ended.
func (c *client) converse(ctx context.Context, id string) Record {
	r := Record{ID: id, Client: c.number, Method: WebSocket, Start: time.Now()}
	s, err := c.connect(&r)
	if err == nil {
		err = c.messages(ctx, s, &r)
		err = errors.Join(err, s.Close())
	}
	r.End, r.Err = time.Now(), err
	c.settle(&r)
	return r
}

func (c *client) connect(r *Record) (*Socket, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.opt.URL+"socket?id="+r.ID, nil)
	if err != nil {
		return nil, err
	}
	for _, cookie := range c.jar.Cookies(req.URL) {
		req.AddCookie(cookie)
	}
	conn, err := dial(ctx, c.opt.Proxies, "tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	s, resp, err := Connect(ctx, conn, req)
	if resp != nil {
		r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After")
		c.jar.SetCookies(req.URL, resp.Cookies())
	}
	return s, err
}

// messages sends and reads until the end: each must come back, from one and the same container.
func (c *client) messages(ctx context.Context, s *Socket, r *Record) error {
	for i := 0; ; i++ {
		text := fmt.Sprintf("%s.%d", r.ID, i)
		sent := s.Send(text)
		answer, err := s.Receive(patience)
		if err == nil && sent != nil {
			err = sent
		}
		var f Farewell
		if errors.As(err, &f) && f.Gentle() {
			r.Farewell = f
			return nil
		}
		if err != nil {
			return fmt.Errorf("the WebSocket was cut: %w", err)
		}
		by, echo, _ := strings.Cut(answer, " ")
		if r.By == "" {
			r.By = by
		}
		if echo != text || by != r.By {
			return fmt.Errorf("%q came back to %q from %s", answer, text, r.By)
		}
		if end, err := c.listen(ctx, s, r); end {
			return err
		}
	}
}

// listen waits between two messages, and hears a farewell then, too.
func (c *client) listen(ctx context.Context, s *Socket, r *Record) (end bool, err error) {
	if ctx.Err() != nil {
		return true, s.Leave(normal)
	}
	_, err = s.Receive(5 * c.opt.Pause)
	var f Farewell
	var n net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout():
		return false, nil
	case errors.As(err, &f) && f.Gentle():
		r.Farewell = f
		return true, nil
	case err == nil:
		return true, errors.New("a message that nobody asked for")
	}
	return true, fmt.Errorf("the WebSocket was cut: %w", err)
}
