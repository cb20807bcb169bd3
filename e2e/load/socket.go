package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A Socket is a WebSocket (RFC 6455) of short text messages: as much as the tests need, and of their own, lest the
// proxy and its test share a mistake.
type Socket struct {
	conn   net.Conn
	in     *bufio.Reader
	masked bool // as a client's frames must be
}

// A Farewell is the error of a Socket that the other side closed with a frame that says why.
type Farewell uint16

func (f Farewell) Error() string { return fmt.Sprintf("closed with code %d", uint16(f)) }

// Gentle tells whether it is one of those after which a browser's program should connect again: 1001 (Going
// Away) and 1012 (Service Restart).
func (f Farewell) Gentle() bool { return f == 1001 || f == 1012 }

const (
	opText  = 0x81 // whole messages only
	opClose = 0x88
)

// Accept makes a Socket of a request that asks for one.
func Accept(w http.ResponseWriter) (*Socket, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	// The client of the tests does not look at the key: the proxy passes it on.
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: -\r\n\r\n")
	return &Socket{conn: conn, in: rw.Reader}, err
}

// Connect asks for a Socket over a fresh connection, which it closes if there is none to be had. The answer is returned whatever it was, with its body closed; the error says if it was
// not the one hoped for.
func Connect(ctx context.Context, conn net.Conn, r *http.Request) (*Socket, *http.Response, error) {
	deadline, _ := ctx.Deadline()
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	in := bufio.NewReader(conn)
	err := errors.Join(conn.SetDeadline(deadline), r.Write(conn))
	var resp *http.Response
	if err == nil {
		resp, err = http.ReadResponse(in, r)
	}
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(resp.Body) // only for the message
		err = fmt.Errorf("no WebSocket: %s", text)
	}
	if err != nil {
		conn.Close()
		return nil, resp, err
	}
	return &Socket{conn: conn, in: in, masked: true}, resp, conn.SetDeadline(time.Time{})
}

// Close ends the connection without a word.
func (s *Socket) Close() error { return s.conn.Close() }

// Send writes one message of at most 125 bytes.
func (s *Socket) Send(text string) error { return s.frame(opText, []byte(text)) }

// Leave says farewell, with a code.
func (s *Socket) Leave(f Farewell) error {
	return s.frame(opClose, binary.BigEndian.AppendUint16(nil, uint16(f)))
}

func (s *Socket) frame(op byte, payload []byte) error {
	b := []byte{op, byte(len(payload))}
	if s.masked {
		b[1] |= 0x80
		b = append(b, 0, 0, 0, 0) // this key changes nothing
	}
	_, err := s.conn.Write(append(b, payload...))
	return err
}

// Receive reads one message, within a time. It fails with a Farewell if the other side took leave, with
// io.ErrUnexpectedEOF or an error of the network if it went without.
func (s *Socket) Receive(within time.Duration) (string, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	var head [2]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return "", cut(err)
	}
	key := make([]byte, 4*int(head[1]>>7))
	payload := make([]byte, head[1]&0x7f)
	if len(payload) > 125 {
		return "", errors.New("a long frame, which nobody here sends")
	}
	if _, err := io.ReadFull(s.in, key); err != nil {
		return "", cut(err)
	}
	if _, err := io.ReadFull(s.in, payload); err != nil {
		return "", cut(err)
	}
	for i := range payload {
		if len(key) > 0 {
			payload[i] ^= key[i%4]
		}
	}
	switch {
	case head[0] == opClose && len(payload) >= 2:
		return "", Farewell(binary.BigEndian.Uint16(payload))
	case head[0] != opText:
		return "", fmt.Errorf("a frame that begins with %#x, which nobody here sends", head[0])
	}
	return string(payload), nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
