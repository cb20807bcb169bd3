package door

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// attend answers one question, and notices when whoever asked has gone.
func (d *Door) attend(c *net.UnixConn) {
	if !d.enter(c) {
		return
	}
	defer d.leave(c)
	uid, err := owner(c)
	var w wish
	if err == nil {
		w, err = hear(c) // whoever it is: an answer to an unread question would be lost
	}
	switch {
	case errors.Is(err, io.EOF): // somebody looked whether there is a door
	case err != nil:
		d.refuse(c, uid, err)
	case uid != d.uid && uid != 0:
		d.refuse(c, uid, fmt.Errorf("only processes of user %d, who runs this door, and of root may take sockets, not of user %d: "+
			"run both as one user", d.uid, uid))
	case w == wish{}:
		_, _ = c.Write([]byte(ok)) // whoever is gone needs no answer
	default:
		d.give(c, uid, w)
	}
}

// enter notes a connection, so that the door's end closes it, unless that has come.
func (d *Door) enter(c *net.UnixConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		c.Close()
		return false
	}
	d.peers[c] = nil
	return true
}

func (d *Door) leave(c *net.UnixConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.peers, c)
	c.Close()
}

func hear(c *net.UnixConn) (wish, error) {
	const patience = 5 * time.Second
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return wish{}, err
	}
	buf := make([]byte, longest)
	n, err := c.Read(buf)
	if err != nil {
		return wish{}, err
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return wish{}, err
	}
	return parse(string(buf[:n]))
}

func (d *Door) refuse(c *net.UnixConn, uid int, why error) {
	d.log.Warn().Int("uid", uid).Err(why).Msg("refused a socket")
	_, _ = c.Write([]byte(no + why.Error())) // whoever is gone needs no answer
}

// give hands a socket over and waits until the taker's end.
func (d *Door) give(c *net.UnixConn, uid int, w wish) {
	takers, err := d.hand(c, w)
	if errors.Is(err, net.ErrClosed) { // the door has ended meanwhile
		return
	}
	if err != nil {
		d.refuse(c, uid, err)
		return
	}
	log := d.log.With().Str("entry_point", w.name).Str("network", w.network).Int("uid", uid).Logger()
	log.Info().Int("proxies", takers).Msg("a proxy took the socket")
	_, _ = c.Read(make([]byte, 1)) // it says no more: this is its end, or the door's
	if left, ended := d.back(c); left > 0 || ended {
		log.Info().Int("proxies", left).Msg("a proxy gave the socket back")
	} else {
		log.Warn().Msg("no proxy has the socket now: connections wait in its queue")
	}
}

// hand hands a socket over, unless the door has ended, and returns how many proxies have it now.
func (d *Door) hand(c *net.UnixConn, w wish) (takers int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return 0, net.ErrClosed
	}
	h, err := d.hold(w)
	if err != nil {
		return 0, err
	}
	if err := h.send(c, []byte(ok+h.address)); err != nil {
		return 0, fmt.Errorf("hand over %s: %w", w, err)
	}
	d.peers[c] = h
	h.takers++
	return h.takers, nil
}

// back notes that a proxy has its socket no longer, and returns how many have it, and whether the door has ended.
func (d *Door) back(c *net.UnixConn) (takers int, ended bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.peers[c]
	h.takers--
	return h.takers, d.ended
}
