package sim

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Counters of a task's process, or of all of a service.
type Counters struct {
	Requests int64 // received
	Late     int64 // of them, those that were received after SIGTERM
	Cut      int64 // not answered because the process ended
}

func (c Counters) plus(d Counters) Counters {
	return Counters{Requests: c.Requests + d.Requests, Late: c.Late + d.Late, Cut: c.Cut + d.Cut}
}

// process is what a task runs: an HTTP server that says which container it is.
type process struct {
	id      string
	manners Manners
	work    time.Duration
	server  http.Server
	serving sync.WaitGroup // the accepting goroutine and one for each connection
	dead    chan struct{}
	die     sync.Once

	mu     sync.Mutex // guards socket against the process's end
	socket *socket    // nil before reserve and after the end

	address                       atomic.Pointer[netip.AddrPort]
	signalled                     atomic.Bool
	requests, late, cut, inFlight atomic.Int64
}

func newProcess(container string, spec Service) *process {
	p := &process{id: container, manners: spec.Manners, work: spec.Work, dead: make(chan struct{})}
	p.server.Handler = http.HandlerFunc(p.answer)
	p.server.ErrorLog = log.New(io.Discard, "", 0)
	p.server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			p.serving.Add(1)
		case http.StateClosed:
			p.serving.Done()
		}
	}
	return p
}

// reserve gives the process its port.
func (p *process) reserve() error {
	socket, err := newSocket()
	if err != nil {
		return err
	}
	p.socket = socket
	p.address.Store(&socket.address)
	return nil
}

// started says that the process has its port.
func (p *process) started() bool { return p.address.Load() != nil }

// listen begins to serve, behind the gate. A process that has ended does not.
func (p *process) listen(g *gate) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.socket == nil {
		return errDied
	}
	l, err := p.socket.listener()
	if err != nil {
		return err
	}
	p.serving.Go(func() {
		_ = p.server.Serve(gatedListener{Listener: l, gate: g, dead: p.dead}) // the listener was closed
	})
	return nil
}

// answer is the app.
func (p *process) answer(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	if p.signalled.Load() {
		p.late.Add(1)
	}
	p.inFlight.Add(1)
	defer p.inFlight.Add(-1)
	_, err := io.Copy(io.Discard, r.Body)
	if err == nil {
		err = p.toil()
	}
	if err == nil {
		text := "Hello, I'm a response from this container => " + p.id + "\n"
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = io.WriteString(w, text)
		err = http.NewResponseController(w).Flush()
	}
	if err != nil {
		if p.ended() {
			p.cut.Add(1)
		}
		panic(http.ErrAbortHandler)
	}
}

// toil is the work for one answer.
func (p *process) toil() error {
	t := time.NewTimer(p.work)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.dead:
		return errDied
	}
}

// terminate is SIGTERM, and SIGKILL once grace has passed. It returns when the process has ended,
// and an error if ctx ends before.
func (p *process) terminate(ctx context.Context, grace time.Duration) error {
	p.signalled.Store(true)
	defer p.kill()
	graced, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	switch p.manners {
	case Graceful:
		err := p.server.Shutdown(graced)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	case Stubborn:
		return p.lasts(ctx, grace)
	}
	return ctx.Err()
}

// lasts waits for d, or until the process has ended by itself, which is no error.
func (p *process) lasts(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.dead:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// kill ends the process at once: the kernel closes its port and all connections.
func (p *process) kill() {
	p.die.Do(func() {
		close(p.dead)
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.server.Close() // what fails to close is closed
		if p.socket != nil {
			p.socket.close()
			p.socket = nil
		}
	})
}

// close kills the process and waits for its goroutines.
func (p *process) close() {
	p.kill()
	p.serving.Wait()
}

func (p *process) ended() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

func (p *process) deafen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.socket != nil {
		p.socket.deafen()
	}
}

func (p *process) hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.socket != nil {
		p.socket.hear()
	}
}

func (p *process) counters() Counters {
	return Counters{Requests: p.requests.Load(), Late: p.late.Load(), Cut: p.cut.Load()}
}
