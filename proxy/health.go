package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/proxy/admin"
)

// gauges tell the metrics how things stand.
func (p *Proxy) gauges() admin.Gauges {
	return admin.Gauges{
		Status:   p.opt.Status,
		Problems: p.problems.list,
		Troubles: p.troubles.list,
		Pools:    p.pools,
	}
}

// pools are how things stand with all services.
func (p *Proxy) pools() []balancer.PoolStatus {
	t := p.table.Load()
	if t == nil {
		return nil
	}
	return t.Backends.Status()
}

func (p *Proxy) adminHandler() func(*entryPoint) http.Handler {
	return func(*entryPoint) http.Handler { return admin.Handler(p.metrics, p.ready, p.healthy) }
}

var (
	errNoTable = errors.New("the cluster has not been seen yet")
	errLeaving = errors.New("leaving")
)

// ready says why no further requests should be sent here; nil while they are welcome. Stale
// knowledge is no reason, since it is better than none: the first result tells of it.
func (p *Proxy) ready() (string, error) {
	s := p.opt.Status()
	switch {
	case p.isLeaving():
		return "", errLeaving
	case p.table.Load() == nil && s.Err != nil:
		return "", fmt.Errorf("%w: %w (for %s)", errNoTable, s.Err, time.Since(s.Since).Round(time.Second))
	case p.table.Load() == nil:
		return "", errNoTable
	case s.Err != nil && !s.Seen.IsZero():
		return fmt.Sprintf("ready, but the cluster has not answered since %s (%s): %v; routing goes on with what was known then",
			s.Seen.Format(time.TimeOnly), time.Since(s.Seen).Round(time.Second), s.Err), nil
	}
	return "ready", nil
}

// healthy says whether this process is worth keeping: it has a table, of whatever age, and all
// entry points answer. Old knowledge never gets a proxy killed: its successor would know less.
func (p *Proxy) healthy(ctx context.Context) error {
	if p.table.Load() == nil {
		return errNoTable
	}
	for _, e := range p.entries {
		if e.door != nil {
			if !e.door.Taken() {
				return fmt.Errorf("entry point %s: no socket from the door %s yet", e.name, e.config.Door)
			}
			continue // it listens in the door's network namespace: nobody can dial it from here
		}
		if e.server.Saturated() {
			continue // it answers, but others; to be killed for it would lose those as well
		}
		if err := answers(ctx, e.ln.Addr()); err != nil {
			return fmt.Errorf("entry point %s: %w", e.name, err)
		}
	}
	return nil
}

// answers asks an entry point what net/http answers itself, for no service and no log:
// "OPTIONS *" (RFC 9110 section 9.3.7).
func answers(ctx context.Context, a net.Addr) error {
	const patience = 3 * time.Second
	d := net.Dialer{Timeout: patience}
	c, err := d.DialContext(ctx, "tcp", reachable(a))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "OPTIONS * HTTP/1.1\r\nHost: healthcheck\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	return resp.Body.Close()
}

// reachable is a listener's address as this machine can dial it.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	// A listener on [::] takes IPv4, too, unless the machine has none; then nothing has.
	return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
}
