package diagnosis

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/fairlead-proxy/fairlead/balancer"
)

// A complaint is what ails one backend.
type complaint int

const (
	fine      complaint = iota
	silent              // its address does not answer at all
	refusing            // its address answers, its port does not
	failing             // its active probe fails
	withdrawn           // the cluster took its address out of its names
	stuck               // nobody waits for it any more
	choked              // small packets pass, large ones do not
	broken              // anything else
)

// patient is a backend that is out of service.
type patient struct {
	balancer.BackendStatus
	complaint complaint
}

func (v View) complaint(b balancer.BackendStatus) complaint {
	switch {
	case b.State == "starting" && b.Task.Stuck != "":
		return stuck
	case b.State == "ready" && v.Choked[b.Task.ID]:
		return choked
	case b.State == "ready", b.State == "starting", b.State == "draining":
		return fine
	case b.State == "withdrawn":
		return withdrawn
	case b.Err == nil:
		return fine // not tried yet
	case b.State == "failing":
		return failing
	case errors.Is(b.Err, syscall.ECONNREFUSED):
		return refusing
	case unanswered(b.Err):
		return silent
	}
	return broken
}

// unanswered tells that nothing came back from an address.
func unanswered(err error) bool {
	for _, sign := range []error{os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN} {
		if errors.Is(err, sign) {
			return true
		}
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
