// Package door keeps listening sockets open while proxies come and go. A Door opens them, once, and hands them
// over a unix socket to the proxies of its node (SCM_RIGHTS, unix(7)); these accept from them side by side, and
// while nobody does, connections wait in the socket's queue. A Listener is a proxy's end.
package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// An Entry is an entry point whose sockets a door holds.
type Entry struct{ Name, Address string }

// A Door holds sockets, and hands them to whoever may have them and asks.
type Door struct {
	path    string
	uid     int // whose processes may take sockets; root's may, too
	entries []Entry
	cuts    bool
	ln      *net.UnixListener
	log     zerolog.Logger

	mu    sync.Mutex
	held  map[wish]*held
	peers map[*net.UnixConn]*held // with the socket that each took, if any
	ended bool
}

// held is a socket, and how many proxies have it now, or still answer what they accepted from it.
type held struct {
	*socket
	takers int
}

// Open listens on the addresses of all entries by TCP, and on the unix socket of the path, where proxies ask.
// cuts says that the end of this process cuts the connections that were made through its sockets, as OwnNetwork
// tells: proxies are then asked to let them finish before. The error names what cannot be opened, and the cure.
func Open(path string, entries []Entry, cuts bool, log zerolog.Logger) (*Door, error) {
	d := &Door{path: path, uid: os.Geteuid(), entries: entries, cuts: cuts, log: log,
		held: map[wish]*held{}, peers: map[*net.UnixConn]*held{}}
	for _, e := range entries {
		s, err := d.hold(wish{TCP, strings.ToLower(e.Name)})
		if err != nil {
			d.drop()
			return nil, err
		}
		log.Info().Str("entry_point", e.Name).Str("address", s.address).Msg("listening for the proxies of this node")
	}
	var err error
	if d.ln, err = listen(path); err != nil {
		d.drop()
		return nil, err
	}
	return d, nil
}

// listen opens the unix socket, in the place of one that a door left behind which did not end in order.
func listen(path string) (*net.UnixListener, error) {
	if c, err := net.Dial(network, path); err == nil {
		c.Close()
		return nil, fmt.Errorf("another door serves %s: end it, or give this one a path of its own", path)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("the socket of an earlier door is in the way: %w", err)
		}
	}
	ln, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
	if err == nil {
		// Anybody may ask whom the directory lets in: the door looks at who it is, and says why not.
		err = os.Chmod(path, 0o666)
	}
	if err != nil {
		return nil, fmt.Errorf("door %s: %s must be a volume that door and proxies share, and writable for user %d: %w",
			path, filepath.Dir(path), os.Geteuid(), err)
	}
	return ln, nil
}

// Serve hands out sockets until ctx ends. Proxies keep what they have; if the door's end cuts connections, it
// returns when the proxies have let these finish. How long they take is up to their options.
func (d *Door) Serve(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer d.end(false)
	defer context.AfterFunc(ctx, func() { d.end(d.cuts) })()
	for {
		c, err := d.ln.AcceptUnix()
		switch {
		case err == nil:
			all.Go(func() { d.attend(c) })
		case ctx.Err() != nil:
			d.end(d.cuts)
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
			d.log.Warn().Err(err).Msg("no proxy can ask for sockets at the moment")
			pause(ctx, time.Second)
		default:
			return fmt.Errorf("door %s: %w", d.path, err)
		}
	}
}

// end takes no more questions, and closes the sockets: they live on in the proxies, and no longer. Proxies learn of
// it by the end of their connections, or, if they are asked to do something before, by a word.
func (d *Door) end(ask bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	d.ended = true
	d.ln.Close()
	d.drop()
	asked := false
	for c, taken := range d.peers {
		if !ask || taken == nil {
			c.Close()
		} else if _, err := c.Write([]byte(going)); err == nil { // else the proxy has gone
			asked = true
		}
	}
	if asked {
		d.log.Info().Msg("leaving: waiting for the proxies to finish what came by the published ports")
	}
}

// drop closes the sockets.
func (d *Door) drop() {
	for _, h := range d.held {
		h.close()
	}
}

// hold returns the socket that was wished for. One of UDP is opened when it is first asked for: no
// datagrams are collected for proxies that read none. d.mu is held.
func (d *Door) hold(w wish) (*held, error) {
	if h := d.held[w]; h != nil {
		return h, nil
	}
	var names []string
	for _, e := range d.entries {
		if strings.EqualFold(e.Name, w.name) {
			s, err := open(w.network, e)
			if err != nil {
				return nil, err
			}
			d.held[w] = &held{socket: s}
			return d.held[w], nil
		}
		names = append(names, e.Name)
	}
	return nil, fmt.Errorf("this door has no entry point %s, only %s: give the door the same options --entrypoints.%s.address and .door as the proxy",
		w.name, strings.Join(names, ", "), w.name)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
