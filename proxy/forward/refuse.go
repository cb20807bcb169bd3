package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/fairlead-proxy/fairlead/proxy/upstream"
)

// What a request can be refused for, besides what goes wrong on the way to a backend.
var (
	// ErrNoRouter: no router of the entry point matches.
	ErrNoRouter = errors.New("no router matches")
	// ErrBadRequest: the request cannot be passed on as it is; wrap it to say why.
	ErrBadRequest = errors.New("bad request")
	// ErrMethod: a method that is not for a proxy in front of a service (CONNECT, TRACE).
	ErrMethod = errors.New("method is not passed on")
	// ErrLastHop: the request was to go no further than here.
	ErrLastHop = errors.New("no forwards are left")
	// ErrStarting: the cluster has not been seen yet.
	ErrStarting = errors.New("no table yet")
	// ErrNoBackend: no backend of the service can take the request, and waiting would not help
	// or has been of no avail.
	ErrNoBackend = errors.New("no backend is ready")
	// ErrRouter: the router's definition has a problem that makes serving it wrong, such as a
	// middleware that is missing.
	ErrRouter = errors.New("router cannot be served")
)

// errExpect: an expectation that nobody meets.
var errExpect = errors.New("unknown expectation")

// methods are those that go on, for the Allow field.
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// statusClientClosed is nginx's code for a client that left before its answer; nobody
// reads it but the log.
const statusClientClosed = 499

// retryAfter is how long clients are asked to wait, in seconds.
const retryAfter = 2

// statusOf turns an error into a status. No other function does.
func statusOf(err error) int {
	var timeout interface{ Timeout() bool }
	var refused interface{ Status() int }
	var e *upstream.Error
	switch {
	case errors.As(err, &refused): // by the server
		return refused.Status()
	case errors.As(err, &e) && e.Op == upstream.OpRequest:
		return http.StatusBadRequest
	case errors.As(err, &e) && e.Op == upstream.OpUpload:
		return uploadStatus(e.Err)
	case errors.Is(err, errBody):
		return uploadStatus(err)
	case errors.Is(err, ErrNoRouter):
		return http.StatusNotFound
	case errors.Is(err, ErrBadRequest):
		return http.StatusBadRequest
	case errors.Is(err, ErrMethod):
		return http.StatusMethodNotAllowed
	case errors.Is(err, errExpect):
		return http.StatusExpectationFailed
	case errors.Is(err, ErrLastHop):
		return http.StatusNoContent
	case errors.Is(err, ErrNoBackend), errors.Is(err, ErrStarting), errors.Is(err, ErrRouter):
		return http.StatusServiceUnavailable
	case errors.Is(err, errClient), errors.Is(err, context.Canceled):
		return statusClientClosed
	case errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// uploadStatus is for a body that could not be read: its client fell silent, left, sent more
// than it may, or sent what is no body.
func uploadStatus(err error) int {
	var timeout interface{ Timeout() bool }
	var tooLong *http.MaxBytesError
	var socket *net.OpError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusRequestTimeout
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.As(err, &socket):
		return statusClientClosed
	default:
		return http.StatusBadRequest
	}
}

// ClientLeft tells whether an error only says that the client went away.
func ClientLeft(err error) bool { return statusOf(err) == statusClientClosed }

// Refuse answers a request that no backend answers: a short plain body with the request's
// id, under which the log tells the cause.
func Refuse(w http.ResponseWriter, rec *Record, err error) {
	rec.Err = err
	status := statusOf(err)
	h := w.Header()
	switch status {
	case http.StatusMethodNotAllowed, http.StatusNoContent:
		h.Set("Allow", methods) // RFC 9110 sections 15.5.6 and 9.3.7
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	text := http.StatusText(status)
	if text == "" {
		text = "Client Closed Request"
	}
	body := fmt.Sprintf("%d %s (request %s)\n", status, text, rec.RequestID())
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// The client may have gone; there is nobody else to tell.
	_, _ = w.Write([]byte(body))
}
