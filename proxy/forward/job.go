package forward

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/proxy/upstream"
	"github.com/fairlead-proxy/fairlead/sticky"
)

// Bounds of the tries that one request gets.
const (
	maxTries = 8
	tryTime  = 15 * time.Second // after the first failure no new try begins
)

// lastRead is how long the client may take for what it is sending when the backend has answered
// already. A read that is cut off costs the client its connection, so it gets a moment.
const lastRead = 250 * time.Millisecond

// A job is one request on its way to a backend.
type job struct {
	f    *Forwarder
	w    http.ResponseWriter
	r    *http.Request
	rec  *Record
	name string

	pin   *discovery.Pin
	spool *spool
	ahead *ahead // nil unless the body was read ahead
	tried balancer.Tried
	last  error // what the last try failed with

	failing    time.Time     // when the first try failed
	heldBefore time.Duration // until then

	headed bool // the answer's head is written: an error can only cut it off
}

// fail ends a request that went wrong: by an answer of our own as long as none was begun,
// else by breaking the connection, so that nobody takes the half for the whole.
func (j *job) fail(err error) {
	j.rec.Err = err
	if j.headed {
		panic(http.ErrAbortHandler)
	}
	Refuse(j.w, j.rec, err)
}

// run sends the request until it is answered or an error says that it cannot be.
func (j *job) run() error {
	j.keepBody()
	defer j.releaseBody()
	for tries := 0; ; {
		changed := j.f.opt.Changed() // asked for before all else, or a change meanwhile would be missed
		svc := j.f.opt.Service(j.name)
		if svc == nil {
			return fmt.Errorf("%w: service %s is gone", ErrNoBackend, j.name)
		}
		if j.rec.Observer == nil {
			j.rec.Observer = svc.Observer
			j.readPin(svc)
		}
		choice, ok := svc.Pool.Take(j.pin, j.rec.Peer, &j.tried)
		if !ok {
			if err := j.hold(svc, changed); err != nil {
				return err
			}
			continue
		}
		if tries++; tries > 1 {
			j.rec.Retries++
			svc.Observer.Retried()
		}
		again, err := j.try(svc, choice)
		if j.last == nil {
			j.failing, j.heldBefore = time.Now(), j.rec.Held
		}
		if !again || tries == maxTries || j.trying() > tryTime {
			return err
		}
		j.last = err
	}
}

// trying is the time since the first try failed, without what was spent waiting for a backend. How long the
// first try took does not count: a process that hung for a minute before it was killed is no reason to give up.
func (j *job) trying() time.Duration {
	return time.Since(j.failing) - (j.rec.Held - j.heldBefore)
}

// readPin takes what the client's cookie says, if it is one of ours.
func (j *job) readPin(svc *Service) {
	if svc.Cookie == nil {
		return
	}
	if pin, ok := svc.Cookie.Read(j.r.Header, svc.Pool.Alive); ok {
		j.pin = &pin
	}
}

// keepBody keeps the body of a request that may be sent twice.
func (j *job) keepBody() {
	if hasBody(j.r) && upstream.Idempotent(j.r.Method) {
		j.spool = &spool{src: j.r.Body, budget: &j.f.spare}
	}
}

func (j *job) releaseBody() {
	j.stopReading()
	if j.spool != nil {
		j.spool.release()
	}
}

// hold waits until another backend may be had. Its error says why waiting is over.
func (j *job) hold(svc *Service, changed <-chan struct{}) error {
	began := time.Now()
	err := j.f.hold(j.r.Context(), svc, changed, j.f.opt.HoldTime-j.rec.Held, j.readAhead())
	j.rec.Held += time.Since(began)
	var e *upstream.Error
	switch {
	case j.last == nil || !errors.Is(err, ErrNoBackend):
		return err
	case errors.As(j.last, &e) && e.Stage == upstream.NothingWritten:
		return fmt.Errorf("%w; the last try: %w", err, j.last)
	}
	return j.last // why those that there were did not answer tells more
}

// try sends the request to one backend and answers. again says that another backend may be
// asked: nothing has been answered, and the request may be sent once more.
func (j *job) try(svc *Service, c balancer.Choice) (again bool, err error) {
	b := c.Backend
	defer b.Release()
	j.rec.Task, j.rec.Why = b.Task(), c.Why.String()
	began := time.Now()
	resp, err := b.Link().(*upstream.Host).Do(j.r.Context(), j.outgoing(svc, b), j.exchange())
	j.rec.Waited = time.Since(began)
	if err != nil {
		return j.failed(b, err), err
	}
	defer resp.Body.Close()
	b.Answered(j.rec.Waited)
	j.movePin(svc, c)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		err := j.tunnel(resp, b)
		j.headed = !errors.Is(err, errUpgrade)
		return false, err
	}
	j.headed = true
	return false, answer(j.w, resp)
}

// failed tells the balancer whose fault it was, and the caller whether to try elsewhere.
func (j *job) failed(b *balancer.Backend, err error) (again bool) {
	var e *upstream.Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case e.Op == upstream.OpDial, e.Vanished():
		b.Failed(e)
	case e.Op == upstream.OpWrite, e.Op == upstream.OpRead:
		b.Broke()
	}
	switch {
	case j.r.Context().Err() != nil: // after the blame: interrupting an upload ends it, too
		return false
	case e.Op == upstream.OpRequest || e.Op == upstream.OpUpload || e.Op == upstream.OpSocket:
		return false
	case e.Stage == upstream.NothingWritten:
		return true
	case e.Stage == upstream.Written:
		return upstream.Idempotent(j.r.Method) && (j.spool == nil || j.spool.repeatable())
	}
	return false
}

// outgoing is the request as this backend gets it.
func (j *job) outgoing(svc *Service, b *balancer.Backend) *http.Request {
	options := j.connectionOptions(b)
	if svc.PassHostHeader && j.spool == nil && options == nil {
		return j.r
	}
	out := *j.r
	if !svc.PassHostHeader {
		out.Host = b.Identity().Address.HostPort
	}
	if j.spool != nil {
		out.Body = j.spool.reader()
	}
	if options != nil {
		out.Header = j.r.Header.Clone()
		out.Header["Connection"] = options
		if j.rec.Upgrade != "" {
			out.Header["Upgrade"] = []string{j.rec.Upgrade}
		}
	}
	return &out
}

// connectionOptions are the fields that concern the connection to the backend, which Connection
// has to list (RFC 9110 sections 7.6.1, 7.8 and 10.1.4). HTTP/2 has no such thing.
func (j *job) connectionOptions(b *balancer.Backend) (options []string) {
	if b.Identity().Address.Scheme == "h2c" {
		return nil
	}
	if j.rec.Upgrade != "" {
		options = append(options, "Upgrade")
	}
	if _, ok := j.r.Header["Te"]; ok {
		options = append(options, "Te")
	}
	return options
}

// exchange is what the upstream may do to the client's side meanwhile.
func (j *job) exchange() upstream.Exchange {
	x := upstream.Exchange{Interim: interim(j.w, j.r)}
	if hasBody(j.r) {
		rc := http.NewResponseController(j.w)
		// Only HTTP/1 has it; HTTP/2 is full duplex anyway.
		_ = rc.EnableFullDuplex()
		if j.spool == nil {
			x.Interrupt = func() { _ = rc.SetReadDeadline(time.Now().Add(lastRead)) }
		}
	}
	return x
}

// movePin writes the cookie of a session that is new or whose place is gone.
func (j *job) movePin(svc *Service, c balancer.Choice) {
	if svc.Cookie == nil || !c.Repin {
		return
	}
	next := discovery.Pin{Service: svc.Name, Seat: j.rec.Task.Seat, Task: j.rec.Task.ID}
	if j.pin == nil {
		next.Session = sticky.NewSession()
	} else {
		next.Session = j.pin.Session
		j.rec.Moved = true
		svc.Observer.Moved(j.rec.Why)
	}
	svc.Cookie.Write(j.w.Header(), next)
}
