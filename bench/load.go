//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A scenario is a kind of request, and how many of them.
type scenario struct {
	name   string
	target string
	upload int // bytes of the request's body
	size   int // bytes of the answer's body
	conns  int
	rate   int // a second in all; 0: each connection asks again as soon as it is answered
	total  int // how many at that rate; 0: no bound
}

// A load is clients that ask one peer for the same thing, each over a connection of its own.
type load struct {
	scenario
	loop     *loop
	port     int
	clients  []*client
	idle     []*client // of a load with a rate
	answered int       // whole and right answers
	began    time.Time
	asked    int // since began, of a load with a rate
}

// open connects all clients. They ask once the load starts.
func open(l *loop, port int, s scenario) (*load, error) {
	d := &load{scenario: s, loop: l, port: port}
	for i := range s.conns {
		if err := d.connect(i); err != nil {
			d.close()
			return nil, err
		}
	}
	return d, nil
}

func (d *load) connect(i int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	c := &client{socket: socket{loop: d.loop, fd: fd}, load: d, cookie: fmt.Sprintf("x=session%d", i)}
	c.write()
	d.clients = append(d.clients, c)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: loopback, Port: d.port}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return d.loop.add(fd, unix.EPOLLIN, c)
}

func (d *load) close() {
	for _, c := range d.clients {
		d.loop.close(c.fd)
	}
}

// start has each client ask. A load with a rate goes on by pace, any other by itself.
func (d *load) start() error {
	d.began = time.Now()
	for _, c := range d.clients {
		if d.rate > 0 {
			d.idle = append(d.idle, c)
		} else if err := c.ask(); err != nil {
			return err
		}
	}
	return nil
}

// run lasts until done, and no longer than limit.
func (d *load) run(limit time.Duration, done func() bool) error {
	for end := time.Now().Add(limit); time.Now().Before(end) && !done(); {
		if err := d.pace(); err != nil {
			return err
		}
		if err := d.loop.turn(); err != nil {
			return err
		}
	}
	return nil
}

// never is for runs that only time ends.
func never() bool { return false }

// pace asks what is due. What finds no idle client is asked as soon as there is one.
func (d *load) pace() error {
	if d.rate == 0 {
		return nil
	}
	due := int(time.Since(d.began).Seconds() * float64(d.rate))
	if d.total > 0 {
		due = min(due, d.total)
	}
	for d.asked < due && len(d.idle) > 0 {
		c := d.idle[0]
		d.idle = d.idle[1:]
		d.asked++
		if err := c.ask(); err != nil {
			return err
		}
	}
	return nil
}

// backends counts those that answered.
func (d *load) backends() int {
	seen := map[byte]bool{}
	for _, c := range d.clients {
		if c.backend != 0 {
			seen[c.backend] = true
		}
	}
	return len(seen)
}

// A client is one connection that keeps a cookie.
type client struct {
	socket
	load    *load
	cookie  string
	request []byte
	answer  message
	backend byte // who answered; 0 before the first answer
}

// write makes the request anew: as little of a browser's as proxies look at.
func (c *client) write() {
	method, length := "GET", ""
	if c.load.upload > 0 {
		method, length = "POST", fmt.Sprintf("Content-Length: %d\r\n", c.load.upload)
	}
	c.request = fmt.Appendf(c.request[:0], "%s %s HTTP/1.1\r\nHost: bench.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"+
		"Accept: text/html,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\n%sCookie: %s\r\n\r\n", method, c.load.target, length, c.cookie)
	c.request = append(c.request, make([]byte, c.load.upload)...)
}

func (c *client) ask() error {
	if err := c.send(c.request); err != nil {
		return c.wrong(err)
	}
	return nil
}

func (c *client) ready(events uint32) error {
	if events&unix.EPOLLOUT != 0 {
		if err := c.flush(); err != nil {
			return c.wrong(err)
		}
	}
	if events&^unix.EPOLLOUT == 0 {
		return nil
	}
	b, err := c.read()
	if err != nil {
		return c.wrong(err)
	}
	whole, err := c.answer.feed(b)
	if err != nil {
		return c.wrong(err)
	}
	if !whole {
		return nil
	}
	if err := c.check(); err != nil {
		return c.wrong(err)
	}
	c.load.answered++
	if c.load.rate > 0 {
		c.load.idle = append(c.load.idle, c)
		return nil
	}
	return c.ask()
}

// check says what is wrong with a whole answer, and makes ready for the next one.
func (c *client) check() error {
	a := &c.answer
	if !bytes.HasPrefix(a.head, []byte("HTTP/1.1 200 ")) {
		line, _, _ := bytes.Cut(a.head, []byte("\r\n"))
		return fmt.Errorf("answered %q", line)
	}
	if n, _ := a.length(); n != c.load.size {
		return fmt.Errorf("answered %d bytes, want %d", n, c.load.size)
	}
	if len(c.out) > 0 {
		return fmt.Errorf("answered before the request's end")
	}
	if c.backend == 0 {
		c.backend = a.first
		if set := a.field("Set-Cookie"); set != nil {
			pair, _, _ := bytes.Cut(set, []byte(";"))
			c.cookie += "; " + string(pair)
			c.write()
		}
	}
	if a.first != c.backend {
		return fmt.Errorf("a session of backend %c was answered by %c", c.backend, a.first)
	}
	a.reset()
	return nil
}

func (c *client) wrong(err error) error { return fmt.Errorf("client: %s: %w", c.load.name, err) }
