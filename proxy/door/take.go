package door

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"
)

// Taken is a socket as a door handed it over. It goes on to work without the door, but in the door's network
// namespace, which no packet reaches any more once the door's container has ended.
type Taken struct {
	Address string // where it listens, as the door sees it
	file    *os.File
	door    *net.UnixConn
}

// Take asks the door at the path, once, for the socket of an entry point. The error says that there is no door, or
// why it refuses.
func Take(ctx context.Context, path, network, name string) (*Taken, error) {
	c, answer, file, err := ask(ctx, path, wish{network, name}.String())
	if err != nil {
		return nil, err
	}
	if file == nil {
		c.Close()
		return nil, fmt.Errorf("door %s: it sent no socket with its answer %.40q", path, answer)
	}
	return &Taken{Address: answer, file: file, door: c}, nil
}

// Look asks whether a door at the path would hand out its sockets to this process.
func Look(ctx context.Context, path string) error {
	c, _, file, err := ask(ctx, path, look)
	if err != nil {
		return err
	}
	if file != nil {
		file.Close()
	}
	return c.Close()
}

// ask puts a question to a door, and returns the connection and what follows its "ok".
func ask(ctx context.Context, path, question string) (*net.UnixConn, string, *os.File, error) {
	const patience = 5 * time.Second
	conn, err := (&net.Dialer{}).DialContext(ctx, network, path)
	if err != nil {
		return nil, "", nil, err
	}
	c := conn.(*net.UnixConn)
	answer, file, err := converse(c, question, time.Now().Add(patience))
	if err == nil {
		var rest string
		if rest, err = read(answer); err == nil {
			return c, rest, file, nil
		}
	}
	err = fmt.Errorf("door %s: %w", path, err)
	c.Close()
	if file != nil {
		file.Close()
	}
	return nil, "", nil, err
}

func converse(c *net.UnixConn, question string, until time.Time) (string, *os.File, error) {
	if err := c.SetDeadline(until); err != nil {
		return "", nil, err
	}
	if _, err := c.Write(packet(question)); err != nil {
		return "", nil, err
	}
	answer, file, err := receive(c)
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	return answer, file, err
}

// Listener makes the socket one to accept from; it can be had once. Closing it leaves the door's socket and those
// of other proxies alone: they stand for the same queue.
func (t *Taken) Listener() (*net.TCPListener, error) {
	defer t.file.Close()
	ln, err := net.FileListener(t.file)
	if err != nil {
		return nil, fmt.Errorf("what the door handed over is no listening socket: %w", err)
	}
	tcp, is := ln.(*net.TCPListener)
	if !is {
		ln.Close()
		return nil, fmt.Errorf("what the door handed over listens by %s, not by TCP", ln.Addr().Network())
	}
	return tcp, nil
}

// PacketConn makes the socket one for datagrams; it can be had once.
func (t *Taken) PacketConn() (net.PacketConn, error) {
	defer t.file.Close()
	c, err := net.FilePacketConn(t.file)
	if err != nil {
		return nil, fmt.Errorf("what the door handed over is no socket of UDP: %w", err)
	}
	return c, nil
}

// Wait returns when the door has gone, or ctx has ended; it returns true if the door is about to go, and waits for
// Close.
func (t *Taken) Wait(ctx context.Context) (going bool) {
	defer context.AfterFunc(ctx, func() { t.door.Close() })()
	n, _ := t.door.Read(make([]byte, 1)) // it says nothing else
	return n > 0
}

// life is a context that ends with the door, or with ctx.
func (t *Taken) life(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		t.Wait(ctx)
	}()
	return ctx, cancel
}

// Close tells the door that the socket has been given back. What was made of it must be closed, too.
func (t *Taken) Close() {
	t.file.Close() // if nothing was made of it
	t.door.Close()
}
