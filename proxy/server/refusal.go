package server

import (
	"fmt"
	"io"
	"net/http"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

// A refusal is why something is no request, and what it is answered with.
type refusal struct {
	status int
	why    error
}

func (r *refusal) Error() string { return r.why.Error() }
func (r *refusal) Unwrap() error { return r.why }

// Status is the answer's.
func (r *refusal) Status() int { return r.status }

func refuse(status int, why string, args ...any) error {
	return &refusal{status, fmt.Errorf(why, args...)}
}

// refusalOf is what to answer to a head that could not be read; nil if there is nobody to answer to.
func refusalOf(err error, begun bool) error {
	switch known := err.(type) {
	case *refusal:
		return known
	case wire.Malformed:
		if known == wire.TooLarge {
			return &refusal{http.StatusRequestHeaderFieldsTooLarge, err}
		}
		return &refusal{http.StatusBadRequest, err}
	}
	switch {
	case begun && timedOut(err):
		return &refusal{http.StatusRequestTimeout, fmt.Errorf("the head did not come whole in time: %w", err)}
	case begun && err == io.EOF:
		return &refusal{http.StatusBadRequest, fmt.Errorf("the head ends before its end: %w", err)}
	}
	return nil
}
